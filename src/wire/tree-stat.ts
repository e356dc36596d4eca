/** What a guest says of an entry of a tree, checked. */
import { PyroError } from "../contract/errors.ts";
import { fromWire, pathProblem, toWire } from "./paths.ts";
import { violation } from "./reply.ts";
import type { ByteText, Expectation, WireStat } from "./tree-messages.ts";

/** What a streaming call on a tree needs beside its request. */
export interface TreeCall {
  readonly signal: AbortSignal;
  /** Time the agent may take for each thing it owes, in milliseconds */
  readonly deadline_ms: number;
}

/** An entry as the guest's kernel knows it. Numbers of 64 bits are decimal strings, to be compared only. */
export interface TreeStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Permission bits, 0 to 0o7777 */
  readonly mode: number;
  readonly size_bytes: number;
  readonly mtime_ns: string;
  readonly ctime_ns: string;
  readonly inode: string;
  /** Where a symlink points, with surrogates for what is not UTF-8; null for the others */
  readonly link_target: string | null;
}

/** An entry of a listing; its path is relative to the root. */
export interface WalkEntry extends TreeStat {
  readonly path: string;
}

/** What an upload may expect to be at a path that a listing has shown. */
export function expectationOf({ kind, size_bytes, mtime_ns, ctime_ns, inode }: TreeStat): Expectation {
  return { state: "present", kind, size_bytes, mtime_ns, ctime_ns, inode };
}

/** Parses a stat. Throws `protocol_violation`. */
export function treeStat(stat: WireStat): TreeStat {
  const link_target = stat.link_target === null ? null : nameFrom(stat.link_target);
  if ((link_target !== null) !== (stat.kind === "symlink"))
    throw violation(`The agent gave a ${stat.kind} a link target, or a symlink none`);
  if (stat.kind !== "file" && stat.size_bytes !== 0) throw violation(`The agent gave a ${stat.kind} a size`);
  return { ...stat, link_target };
}

/** Parses a path inside a tree. Throws `protocol_violation`. */
export function pathFrom(text: ByteText): string {
  const path = nameFrom(text);
  const problem = pathProblem(path);
  if (problem !== undefined) throw violation(`The agent sent a path that ${problem}`);
  return path;
}

/** A path of the host's own for the wire; the empty one, where it is allowed, is the tree itself. Throws `invalid_input`. */
export function pathToWire(path: string, mayBeEmpty: boolean): ByteText {
  const problem = path === "" && mayBeEmpty ? undefined : pathProblem(path);
  if (problem !== undefined) throw new PyroError("invalid_input", `${JSON.stringify(path.slice(0, 512))} ${problem}`);
  return nameToWire(path);
}

/** A symlink target of the host's own for the wire. Throws `invalid_input`. */
export function nameToWire(name: string): ByteText {
  const text = toWire(name);
  if (text === undefined)
    throw new PyroError("invalid_input", `${JSON.stringify(name.slice(0, 512))} is not made of bytes`);
  return text;
}

function nameFrom(text: ByteText): string {
  const name = fromWire(text);
  if (name === undefined) throw violation("The agent sent a name in a form that it may not have");
  return name;
}
