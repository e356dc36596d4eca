/** Writes `protocol/` and `docs/reference/` anew; with `--check` only says what is stale. */
import { packageRoot } from "../src/platform/package-root.ts";
import { staleFiles, writeStaleFiles } from "./generated-files.ts";
import { REGENERATE } from "./reference/markdown.ts";

function check(root: string): number {
  const stale = staleFiles(root);
  for (const path of stale) process.stderr.write(`stale: ${path}\n`);
  if (stale.length > 0) process.stderr.write(`run: ${REGENERATE}\n`);
  return stale.length === 0 ? 0 : 1;
}

function write(root: string): number {
  for (const path of writeStaleFiles(root)) process.stdout.write(`wrote ${path}\n`);
  return 0;
}

const [argument, ...others] = process.argv.slice(2);
if (others.length > 0 || (argument !== undefined && argument !== "--check")) {
  process.stderr.write("usage: node dist/tools/generate.js [--check]\n");
  process.exitCode = 2;
} else {
  process.exitCode = argument === "--check" ? check(packageRoot()) : write(packageRoot());
}
