/** Has git write the difference of two trees in a store: as a patch up to a size, and as numbers. */

import { withDeadline } from "../../platform/deadline.ts";
import { findProgram, startProgram } from "../../platform/programs.ts";
import { quietGit } from "../seed/git-listing.ts";
import { diffLimits } from "./limits.ts";
import { gitFailed, reasonOf, refOf } from "./object-store.ts";

/** What makes a diff the same wherever it is made. */
const shape = [
  "--full-index",
  "--no-renames",
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "--diff-algorithm=myers",
];

/** Two trees in a store. */
export interface TreePair {
  /** Git directory of the store */
  readonly store: string;
  readonly before: string;
  readonly after: string;
  /** Whether all that is in them is to be taken for binary, or for text */
  readonly isBinary: boolean;
}

export interface PatchText {
  readonly text: string;
  /** Length in bytes */
  readonly bytes: number;
  readonly truncated: boolean;
}

export interface LineCounts {
  readonly additions: number;
  readonly deletions: number;
}

/** The patch, cut after a whole line where it is longer than that. */
export async function patchOf(pair: TreePair, max_bytes: number, signal: AbortSignal): Promise<PatchText> {
  const chunks: Buffer[] = [];
  let size = 0;
  const args = ["--patch", "--unified=3", ...(pair.isBinary ? ["--binary"] : [])];
  const isWhole = await diffTrees(pair, args, signal, (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    return size <= max_bytes;
  });
  const all = withQuotedNames(Buffer.concat(chunks));
  const room = all.subarray(0, max_bytes);
  const kept = isWhole && all.length <= max_bytes ? all : room.subarray(0, room.lastIndexOf("\n") + 1);
  return { text: kept.toString("utf8"), bytes: kept.length, truncated: kept.length < all.length || !isWhole };
}

/** A header whose name has a space before a slash, which git writes without quotes and does not find the end of when it reads it. */
const UNCLEAR_HEADER = /^diff --git a\/(.* \/.*) b\/\1$/gm;

/** Nothing but a header begins as one: lines of content have a sign in front, and encoded ones no space. */
function withQuotedNames(patch: Buffer): Buffer {
  if (!patch.includes(" /")) return patch;
  return Buffer.from(patch.toString("utf8").replace(UNCLEAR_HEADER, 'diff --git "a/$1" "b/$1"'));
}

/** How many lines came and went, by path as git has it: bytes, one character each. */
export async function countLines(pair: TreePair, signal: AbortSignal): Promise<Map<string, LineCounts>> {
  const counts = new Map<string, LineCounts>();
  let rest = "";
  await diffTrees(pair, ["--numstat", "-z"], signal, (chunk) => {
    const records = (rest + chunk.toString("latin1")).split("\0");
    rest = records.pop() ?? "";
    for (const record of records) {
      const [additions = "", deletions = "", ...path] = record.split("\t");
      counts.set(path.join("\t"), { additions: Number(additions), deletions: Number(deletions) });
    }
    return true;
  });
  return counts;
}

/** Runs git until it ends, or until the sink has enough; gives whether it was read to the end. */
async function diffTrees(
  { store, before, after, isBinary }: TreePair,
  how: readonly string[],
  signal: AbortSignal,
  sink: (chunk: Buffer) => boolean,
): Promise<boolean> {
  if (signal.aborted) throw gitFailed("compare", "", signal);
  const config = ["-c", "core.quotePath=true", "-c", `diff.default.binary=${isBinary}`];
  const args = [`--git-dir=${store}`, ...config, "diff-tree", "-r", ...how, ...shape, refOf(before), refOf(after)];
  return withDeadline(diffLimits.git_ms, signal, async (ends) => {
    const program = startProgram(findProgram("git"), args, { env: quietGit, signal: ends });
    program.stdin.end();
    const reason = reasonOf(program);
    let isEnough = false;
    program.stdout.on("data", (chunk: Buffer) => {
      if (isEnough || sink(chunk)) return;
      isEnough = true;
      program.kill();
    });
    const { exit_code } = await program.ended;
    if (exit_code !== 0 && !isEnough) throw gitFailed("compare the changes", reason(), ends);
    return !isEnough;
  });
}
