/** Changes for uploads, and what a tree then holds. */
import type { AgentClient } from "../../src/wire/client.ts";
import { readTree } from "../../src/wire/tree-read.ts";
import type { WalkEntry } from "../../src/wire/tree-stat.ts";
import { walkTree } from "../../src/wire/tree-walk.ts";
import { type Change, type Written, writeTree } from "../../src/wire/tree-write.ts";

/** A tree and the agent that has it. */
export class Tree {
  readonly root: string;
  readonly #client: AgentClient;
  readonly #call = { signal: new AbortController().signal, deadline_ms: 60_000 };

  constructor(client: AgentClient, root: string) {
    this.#client = client;
    this.root = root;
  }

  write(...changes: Change[]): Promise<Written> {
    return this.writeAll(changes);
  }

  writeAll(changes: Iterable<Change> | AsyncIterable<Change>, signal = this.#call.signal): Promise<Written> {
    return writeTree(this.#client, { root: this.root, dest: "", replace: true }, changes, { ...this.#call, signal });
  }

  async walk(path = ""): Promise<WalkEntry[]> {
    const all: WalkEntry[] = [];
    const request = { root: this.root, path, recursive: true, max_entries: 100_000 };
    await walkTree(this.#client, request, (some) => void all.push(...some), this.#call);
    return all;
  }

  /** Contents as text, codes where there are none. */
  async read(...paths: string[]): Promise<string[]> {
    const contents: Buffer[][] = paths.map(() => []);
    const add = (index: number, data: Buffer) => void contents[index]?.push(data);
    const sink = {
      entry: () => {},
      data: add,
      ended: () => {},
      failed: (index: number, { code }: { code: string }) => add(index, Buffer.from(code)),
    };
    const request = { root: this.root, paths, max_bytes: null, offset: 0, follow: false };
    await readTree(this.#client, request, sink, this.#call);
    return contents.map((parts) => Buffer.concat(parts).toString());
  }
}

/** A file to be written. */
export function file(
  path: string,
  content: string | Uint8Array,
  more: Partial<Pick<Change, "expect">> & { mode?: number } = {},
): Change {
  const bytes = Buffer.from(content);
  const read = async function* () {
    yield bytes;
  };
  return { path, kind: "file", mode: 0o644, size_bytes: bytes.length, link_target: null, content: read, ...more };
}
