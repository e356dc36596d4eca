/** IP addresses as 16 bytes, read from text in every spelling that some program takes for one. */

/** An address: IPv6, or IPv4 as IPv6 maps it. */
export type IpAddress = Uint8Array;

const V4_BYTES = 4;
const V6_BYTES = 16;
const V6_GROUPS = 8;
/** Where the IPv4 address begins in one that is mapped. */
const MAPPED_AT = 12;
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const NUMERIC_LABEL = /^(?:\d+|0x[0-9a-f]*)$/i;

/** Maps the four bytes of an IPv4 address. */
export function mappedV4(bytes: readonly number[]): IpAddress {
  return Uint8Array.from([...MAPPED_PREFIX, ...bytes]);
}

/** The four bytes of an address that is an IPv4 one; undefined for others. */
function v4Of(address: IpAddress): Uint8Array | undefined {
  return MAPPED_PREFIX.every((byte, at) => address[at] === byte) ? address.subarray(MAPPED_AT) : undefined;
}

/** Reads an address in its ordinary spelling: four decimal numbers without leading zeros, or IPv6 without brackets and zone. */
export function readAddress(text: string): IpAddress | undefined {
  return text.includes(":") ? readV6(text) : readDotted(text);
}

/** Whether a host's last label makes it an address to some program, whatever stands before it. */
export function isNumericHost(host: string): boolean {
  return NUMERIC_LABEL.test(host.slice(host.lastIndexOf(".") + 1));
}

/** Reads IPv4 as `inet_aton` does: one to four parts, decimal, octal or hexadecimal, the last one filling what is left. */
export function readInetAton(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length > V4_BYTES) return undefined;
  const values = parts.map(readNumber);
  const last = values.pop();
  const room = V4_BYTES - values.length;
  if (last === undefined || last >= 256 ** room) return undefined;
  const heads: number[] = [];
  for (const value of values) {
    if (value === undefined || value > 255) return undefined;
    heads.push(value);
  }
  const tail = Array.from({ length: room }, (_, at) => Math.floor(last / 256 ** (room - 1 - at)) % 256);
  return mappedV4([...heads, ...tail]);
}

function readNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]*$/i.test(text)) return text.length === 2 ? 0 : Number.parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

function readDotted(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length !== V4_BYTES || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? mappedV4(bytes) : undefined;
}

function readV6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? "", halves.length === 1), groupsOf(halves[1] ?? "", true)];
  if (head === undefined || tail === undefined) return undefined;
  const missing = V6_GROUPS - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The groups of one side of `::`; only the last of all may be an IPv4 address. */
function groupsOf(text: string, is_last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const dotted = is_last && at === parts.length - 1 ? readDotted(part) : undefined;
    if (dotted !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = dotted.subarray(MAPPED_AT);
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** An address as it is written: IPv4 dotted, IPv6 with its longest run of zeros left out. */
export function showAddress(address: IpAddress): string {
  const v4 = v4Of(address);
  if (v4 !== undefined) return v4.join(".");
  const groups = Array.from(
    { length: V6_BYTES / 2 },
    (_, at) => ((address[2 * at] ?? 0) << 8) | (address[2 * at + 1] ?? 0),
  );
  const [start, length] = longestZeros(groups);
  const shown = groups.map((group) => group.toString(16));
  if (length < 2) return shown.join(":");
  return `${shown.slice(0, start).join(":")}::${shown.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > best[1]) best = [start, at + 1 - start];
  }
  return best;
}

/** Whether two addresses are the same. */
export function sameAddress(one: IpAddress, other: IpAddress): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
