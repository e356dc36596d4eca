/** Exports a tree that never ends, in a process that a test kills: `export-endlessly DESTINATION`. */
import type { SourceEntry } from "../../src/contract/tree.ts";
import { exportTree } from "../../src/workspaces/export/export.ts";

const [, , destination = ""] = process.argv;

async function* entries(): AsyncGenerator<SourceEntry> {
  const shape = { mode: 0o644, link_target: null, content: async function* () {} };
  yield { ...shape, path: "d", kind: "directory", size_bytes: 0 };
  for (let at = 0; ; at += 1) {
    yield { ...shape, path: `d/f${at}`, kind: "file", size_bytes: 0 };
    if (at === 3) console.log("writing");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await exportTree(entries(), destination);
