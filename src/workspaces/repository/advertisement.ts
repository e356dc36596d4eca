/** What a Git server says of itself first: its protocol's version, what it can do, and, in the old protocol, its refs. */
import { inconsistent, type Mark, PacketReader } from "./packets.ts";
import { isObjectId, type ObjectFormat, type RemoteRef } from "./repo-ref.ts";

/** Refs that are held of one answer; an old server sends all of its own. */
const MAX_REFS = 500_000;

export interface Advertisement {
  readonly version: 0 | 2;
  readonly format: ObjectFormat;
  /** Whether it sends a commit without its history */
  readonly can_be_shallow: boolean;
  /** Words of what an old server can do */
  readonly abilities: readonly string[];
  /** Refs of an old server; others are asked for them */
  readonly refs: readonly RemoteRef[];
}

/** Reads the first answer. */
export async function readAdvertisement(body: AsyncIterable<Uint8Array>, max_bytes: number): Promise<Advertisement> {
  const reader = new PacketReader(body, max_bytes);
  try {
    let lines = await linesOf(reader);
    // Servers differ on whether they name the service before a newer protocol.
    if (lines[0]?.startsWith("# service=") && lines.length === 1) lines = await linesOf(reader);
    return lines[0] === "version 2" ? newer(lines.slice(1)) : older(lines);
  } finally {
    await reader.close();
  }
}

/** The lines up to a flush. */
async function linesOf(reader: PacketReader): Promise<string[]> {
  const lines = reader.lines();
  const found: string[] = [];
  for (let next = await lines.next(); ; next = await lines.next()) {
    if (next.done === true) return ended(next.value, found);
    if (found.length > MAX_REFS) throw inconsistent(`has more than ${MAX_REFS} refs`);
    found.push(next.value);
  }
}

function ended(mark: Mark | undefined, found: string[]): string[] {
  if (mark !== "flush") throw inconsistent("stopped in the middle of an answer");
  return found;
}

function newer(lines: readonly string[]): Advertisement {
  const wordOf = (key: string) => lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
  const fetch = wordOf("fetch") ?? "";
  if (fetch === "" && !lines.includes("fetch")) throw inconsistent("cannot send what it has");
  const can_be_shallow = fetch.split(" ").includes("shallow");
  return { version: 2, format: formatOf(wordOf("object-format")), can_be_shallow, abilities: [], refs: [] };
}

/** The first ref has a NUL and the server's abilities behind it; a repository without refs shows a ref that is none. */
function older(lines: readonly string[]): Advertisement {
  const [first = "", words = ""] = lines[0]?.split("\0") ?? [];
  const abilities = words.split(" ").filter((word) => word !== "");
  if (abilities.length === 0) throw inconsistent("does not speak Git's protocol");
  const wordOf = (key: string) => abilities.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const format = formatOf(wordOf("object-format"));
  const target = wordOf("symref")?.split(":");
  const plain = [first, ...lines.slice(1)].filter((line) => !line.startsWith("shallow "));
  const refs = plain.flatMap((line) => refOf(line, format, target) ?? []);
  const tags = new Map(refs.filter(({ name }) => name.endsWith("^{}")).map(({ name, id }) => [name.slice(0, -3), id]));
  const named = refs.filter(({ name }) => !name.endsWith("^{}"));
  return {
    version: 0,
    format,
    can_be_shallow: abilities.includes("shallow"),
    abilities,
    refs: named.map((ref) => withPeeled(ref, tags.get(ref.name))),
  };
}

function withPeeled(ref: RemoteRef, peeled: string | undefined): RemoteRef {
  return peeled === undefined ? ref : { ...ref, peeled };
}

function refOf(line: string, format: ObjectFormat, symref: readonly string[] | undefined): RemoteRef | undefined {
  const [id = "", name = ""] = splitOnce(line);
  if (!isObjectId(id, format) || name === "") throw inconsistent("sent a line that names no ref");
  if (name === "capabilities^{}") return undefined;
  const target = symref?.[0] === name ? symref[1] : undefined;
  return target === undefined ? { name, id } : { name, id, target };
}

/** A ref of a newer server: its object, its name, and attributes. */
export function readRef(line: string, format: ObjectFormat): RemoteRef | undefined {
  const [id = "", name = "", ...attributes] = line.split(" ");
  if (id === "unborn") return undefined;
  if (!isObjectId(id, format) || name === "") throw inconsistent("sent a line that names no ref");
  const wordOf = (key: string) => attributes.find((word) => word.startsWith(`${key}:`))?.slice(key.length + 1);
  const [peeled, target] = [wordOf("peeled"), wordOf("symref-target")];
  return { name, id, ...(peeled && { peeled }), ...(target && { target }) };
}

function splitOnce(line: string): string[] {
  const at = line.indexOf(" ");
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1)];
}

function formatOf(name: string | undefined): ObjectFormat {
  if (name === undefined || name === "sha1") return "sha1";
  if (name === "sha256") return "sha256";
  throw inconsistent("names its objects by a hash that is not known");
}
