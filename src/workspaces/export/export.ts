/** Writes what a guest sends to the host: without `.git`, without symlinks that lead out, and with a list of what to look at first. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry, TreeEntry } from "../../contract/tree.ts";
import { type WriteOptions, type WrittenTree, writeOneFile, writeTree } from "../../platform/tree-writer.ts";
import { gitPathIn } from "./git-names.ts";
import { asksForReview, BareRepositories } from "./review.ts";

/** How a tree is exported. */
export interface ExportOptions extends Omit<WriteOptions, "omits"> {
  /** Whether a file or symlink is what the workspace was seeded with, told by the hash of its content or target; nothing is where it is absent */
  readonly isSeeded?: (path: string, sha256: string) => boolean;
}

/** What an export wrote. */
export interface Exported extends WrittenTree {
  /** Files that programs on the host act on by themselves, where they are not as they were seeded */
  readonly review_before_trusting: readonly string[];
  /** Topmost paths that were left out since they are, or may be taken for, `.git` */
  readonly omitted: readonly string[];
}

/** Exports a tree as the directory `destination`; whole or not at all. */
export async function exportTree(
  source: AsyncIterable<SourceEntry>,
  destination: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const omitted = new Set<string>();
  const review = new Review(options.isSeeded);
  const omits = ({ path }: TreeEntry): boolean => {
    const git = gitPathIn(path);
    if (git !== undefined) omitted.add(git);
    return git !== undefined;
  };
  const written = await writeTree(review.watch(source), destination, { ...options, omits });
  return { ...written, review_before_trusting: review.found(), omitted: [...omitted] };
}

/** Exports one file as `destination`. */
export async function exportFile(
  entry: SourceEntry,
  destination: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const review = new Review(options.isSeeded);
  let written: WrittenTree = { entries: 0, bytes_written: 0, skipped_links: [] };
  for await (const watched of review.watch([entry])) written = await writeOneFile(watched, destination, options);
  return { ...written, review_before_trusting: review.found(), omitted: [] };
}

/** Looks at the entries that pass. */
class Review {
  readonly #isSeeded: NonNullable<ExportOptions["isSeeded"]>;
  readonly #listed = new Set<string>();
  readonly #repositories = new BareRepositories();

  constructor(isSeeded: ExportOptions["isSeeded"]) {
    this.#isSeeded = isSeeded ?? (() => false);
  }

  async *watch(source: AsyncIterable<SourceEntry> | Iterable<SourceEntry>): AsyncGenerator<SourceEntry> {
    for await (const entry of source) {
      refuseBackslashes(entry.path);
      if (gitPathIn(entry.path) === undefined) this.#repositories.note(entry.path);
      if (entry.kind === "directory" || !asksForReview(entry.path)) yield entry;
      else yield* this.#compare(entry);
    }
  }

  found(): string[] {
    return [...this.#listed, ...this.#repositories.found()];
  }

  async *#compare(entry: SourceEntry): AsyncGenerator<SourceEntry> {
    const { path, kind, mode, size_bytes, link_target } = entry;
    const hash = createHash("sha256").update(Buffer.from(link_target ?? "", "utf8"));
    async function* content(): AsyncGenerator<Uint8Array> {
      for await (const chunk of entry.content()) {
        hash.update(chunk);
        yield chunk;
      }
    }
    // Until it is known to be as it was seeded, it is not.
    this.#listed.add(path);
    yield { path, kind, mode, size_bytes, link_target, content };
    if (gitPathIn(path) !== undefined || this.#isSeeded(path, hash.digest("hex"))) this.#listed.delete(path);
  }
}

/** A name that leads out of the tree wherever `\` separates names. */
function refuseBackslashes(path: string): void {
  if (!path.includes("\\")) return;
  const names = path.split("/");
  const leads = names.some((name) => name.startsWith("\\") || name.split("\\").includes(".."));
  if (leads || /^[a-z]:\\/i.test(path))
    throw new PyroError("path_escape", `${showPath(path)} leads out of the tree where "\\" separates names`, {
      details: { path },
    });
}
