/** Program for tests that have to end a whole process: pulls an image into the cache of PYRO_HOME and prints what happens, a line of JSON each. */

import { toPyroError } from "../../src/contract/errors.ts";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { Registry } from "../../src/environments/registry/registry.ts";
import { statePaths } from "../../src/store/paths.ts";

const print = (line: unknown) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const registry = new Registry({ paths: statePaths(process.env), env: process.env });
const cancelled = new AbortController();
process.once("SIGINT", () => cancelled.abort());
const work = { signal: cancelled.signal, emit: print };
try {
  const image = await registry.resolve(parseReference(process.argv[2] ?? ""), work);
  print({ type: "result", image, fetched: await registry.fetchBlobs(image, work) });
} catch (thrown) {
  print({ type: "error", error: toPyroError(thrown) });
}
