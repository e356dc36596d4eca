/** Makes tar archives that no tar would make. */

/** One header, and what follows it. */
export interface TarPart {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly link?: string | Buffer;
  readonly content?: string | Buffer;
  /** The size field where it is not the content's length, as text or as raw bytes */
  readonly size?: number | Buffer;
  readonly mode?: number;
  readonly owner?: readonly [uid: number, gid: number];
  /** Seconds since 1970 */
  readonly mtime?: number;
  readonly device?: readonly [major: number, minor: number];
  readonly prefix?: string;
  readonly magic?: string;
  /** Written over the checksum */
  readonly checksum?: string;
}

/** The parts, one after the other, with two empty blocks at the end. */
export function tarOf(parts: readonly TarPart[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...parts.map(tarPart), end]);
}

export function tarPart(part: TarPart): Buffer {
  const content = Buffer.from(part.content ?? "");
  const header = Buffer.alloc(512);
  Buffer.from(part.name).copy(header, 0, 0, 100);
  header.write((part.mode ?? 0o644).toString(8).padStart(7, "0"), 100);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  const [uid, gid] = part.owner ?? [0, 0];
  header.write(`${octal(uid, 7)}\0${octal(gid, 7)}\0`, 108);
  const size = part.size ?? content.length;
  if (typeof size === "number") header.write(size.toString(8).padStart(11, "0"), 124);
  else size.copy(header, 124);
  header.write(octal(part.mtime ?? 0, 11), 136);
  const [major, minor] = part.device ?? [0, 0];
  if (part.device !== undefined) header.write(`${octal(major, 7)}\0${octal(minor, 7)}`, 329);
  header.write(part.type ?? "0", 156);
  Buffer.from(part.link ?? "").copy(header, 157, 0, 100);
  header.write(part.magic ?? "ustar\x0000", 257, "latin1");
  header.write(part.prefix ?? "", 345);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(part.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A pax header with these records. */
export function pax(records: Readonly<Record<string, string | Buffer>>, type = "x"): TarPart {
  const content = Object.entries(records).map(([key, value]) => {
    const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
    let length = body.length + 1;
    while (String(length).length + body.length !== length) length = String(length).length + body.length;
    return Buffer.concat([Buffer.from(String(length)), body]);
  });
  return { name: "PaxHeader", type, content: Buffer.concat(content) };
}
