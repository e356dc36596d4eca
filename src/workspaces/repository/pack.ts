/** The pack in a server's answer: what stands before it, then its bytes out of their band, counted as they come. */
import { PyroError } from "../../contract/errors.ts";
import type { CloneLimits } from "./limits.ts";
import { inconsistent, type Packet, PacketReader, said } from "./packets.ts";
import { isObjectId, type ObjectFormat } from "./repo-ref.ts";

const PACK_HEADER_BYTES = 12;
/** Commits that a server may cut the history at; one commit that was asked for needs one. */
const MAX_SHALLOW = 16;
const band = { pack: 1, progress: 2, failure: 3 } as const;

export interface PackAnswer {
  /** Commits whose parents are not in the pack */
  readonly shallow: readonly string[];
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads an answer of either protocol up to the pack. */
export async function readPack(
  body: AsyncIterable<Uint8Array>,
  how: {
    readonly version: 0 | 2;
    readonly is_cut: boolean;
    readonly format: ObjectFormat;
    readonly limits: CloneLimits;
  },
): Promise<PackAnswer> {
  const reader = new PacketReader(body);
  const shallow = how.version === 2 ? await newerPreface(reader, how.format) : await olderPreface(reader, how);
  return { shallow, bytes: capped(bandOf(reader), how.limits) };
}

/** Sections with a name, the pack last. */
async function newerPreface(reader: PacketReader, format: ObjectFormat): Promise<string[]> {
  const shallow: string[] = [];
  for (;;) {
    const lines = reader.lines();
    const { value: section, done } = await lines.next();
    if (done === true) throw inconsistent("sent no pack");
    if (section === "packfile") return shallow;
    if (section !== "shallow-info") throw inconsistent("sent a part that was not asked for");
    shallow.push(...(await cuts(lines, format)));
  }
}

/** The commits at which the history was cut, if that was asked for, and a word that says that nothing is in common. */
async function olderPreface(reader: PacketReader, how: { is_cut: boolean; format: ObjectFormat }): Promise<string[]> {
  const shallow = how.is_cut ? await cuts(reader.lines(), how.format) : [];
  const { value } = await reader.lines().next();
  if (value !== "NAK") throw inconsistent("did not say that nothing is in common");
  return shallow;
}

async function cuts(lines: AsyncIterable<string>, format: ObjectFormat): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) {
    const id = line.startsWith("shallow ") ? line.slice("shallow ".length) : "";
    if (!isObjectId(id, format) || found.length === MAX_SHALLOW)
      throw inconsistent("cuts the history where it was not asked to");
    found.push(id);
  }
  return found;
}

async function* bandOf(reader: PacketReader): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const packet: Packet | undefined = await reader.next();
      if (packet === "flush") return;
      if (packet === undefined || typeof packet === "string") throw inconsistent("stopped in the middle of the pack");
      const content = packet.subarray(1);
      if (packet[0] === band.failure) throw said(content.toString("utf8"));
      if (packet[0] === band.pack) yield content;
      else if (packet[0] !== band.progress) throw inconsistent("sent what is in no band");
    }
  } finally {
    await reader.close();
  }
}

async function* capped(bytes: AsyncIterable<Uint8Array>, limits: CloneLimits): AsyncGenerator<Uint8Array> {
  let size = 0;
  let head = Buffer.alloc(0);
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > limits.pack_bytes) throw tooLarge(`a pack of more than ${limits.pack_bytes} bytes`, limits.pack_bytes);
    if (head.length < PACK_HEADER_BYTES) {
      head = Buffer.concat([head, chunk]).subarray(0, PACK_HEADER_BYTES);
      if (head.length === PACK_HEADER_BYTES) checkHeader(head, limits);
    }
    yield chunk;
  }
}

function checkHeader(head: Buffer, { pack_objects }: CloneLimits): void {
  if (head.toString("latin1", 0, 4) !== "PACK") throw inconsistent("sent no pack");
  if (head.readUInt32BE(8) > pack_objects) throw tooLarge(`a pack of more than ${pack_objects} objects`, pack_objects);
}

function tooLarge(what: string, limit: number): PyroError {
  return new PyroError("too_large", `The repository's server sends ${what.replace(/\d{4,}/, show)}`, {
    hint: "Clone what you need of it yourself, and seed from that directory",
    details: { limit },
  });
}

const show = (digits: string) => Number(digits).toLocaleString("en-US");
