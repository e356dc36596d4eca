/** What every bad input must leave as it was: files outside, open descriptors, temporary names. */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { EntryKind, SourceEntry } from "../../src/contract/tree.ts";

/** A place for one case: files outside that nobody may touch, and a directory to work in. */
export interface TreePlace {
  readonly root: string;
  /** Files that must stay as they are */
  readonly outside: string;
  /** Where the case works */
  readonly inside: string;
}

/** Runs a case in a place of its own and checks that it left nothing behind; `inside` is gone afterwards. */
export async function inPlace(action: (place: TreePlace) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "pyro-tree-"));
  const place = { root, outside: join(root, "outside"), inside: join(root, "inside") };
  for (const path of [place.outside, place.inside]) mkdirSync(path);
  writeFileSync(join(place.outside, "canary"), "untouched");
  writeFileSync(join(root, "canary"), "untouched");
  const before = { canaries: canaries(place), descriptors: descriptors() };
  try {
    await action(place);
    expect({ canaries: canaries(place), descriptors: descriptors() }).toEqual(before);
    expect(readdirSync(root).sort()).toEqual(["canary", "inside", "outside"]);
    expect(readdirSync(place.outside)).toEqual(["canary"]);
    expect(readdirSync(place.inside).filter((name) => name.startsWith(".pyro"))).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function canaries({ root, outside }: TreePlace): string[] {
  return [join(root, "canary"), join(outside, "canary")].map((path) => {
    const { mtimeNs, nlink, mode } = lstatSync(path, { bigint: true });
    return [createHash("sha256").update(readFileSync(path)).digest("hex"), mtimeNs, nlink, mode].join(" ");
  });
}

/** What is open, without the pipes and sockets of the test runner. */
function descriptors(): string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    })
    .filter((target) => target.startsWith("/") && !target.startsWith("/proc/") && !target.startsWith("/dev/"))
    .sort();
}

/** One entry, as a guest or an archive might send it. */
export function entry(path: string, kind: EntryKind, more: Partial<SourceEntry> & { text?: string } = {}): SourceEntry {
  const { text = "", ...rest } = more;
  const size_bytes = kind === "file" ? Buffer.byteLength(text) : 0;
  const mode = kind === "directory" ? 0o755 : 0o644;
  async function* content(): AsyncGenerator<Uint8Array> {
    if (text !== "") yield Buffer.from(text);
  }
  return { path, kind, mode, size_bytes, link_target: null, content, ...rest };
}

/** The entries as a stream. */
export async function* stream(entries: readonly SourceEntry[]): AsyncGenerator<SourceEntry> {
  yield* entries;
}

/** Reads all entries with their contents. */
export async function collect(
  entries: AsyncIterable<SourceEntry>,
): Promise<{ path: string; kind: string; mode: number; link_target: string | null; text: string }[]> {
  const found = [];
  for await (const { path, kind, mode, size_bytes, link_target, content } of entries) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content()) chunks.push(chunk);
    const text = Buffer.concat(chunks);
    expect(text.length).toBe(size_bytes);
    found.push({ path, kind, mode, link_target, text: text.toString("latin1") });
  }
  return found;
}
