/** Publishes a nameless file in stages, in a process that a test confines or kills: `publish-file DIRECTORY BYTES [wait]`. */
import { join } from "node:path";
import { PyroError } from "../../src/contract/errors.ts";
import { atomicWrite, linkNameless, namelessFile } from "../../src/platform/files.ts";

const [, , directory = "", bytes = "0", wait = ""] = process.argv;

try {
  const file = namelessFile(directory);
  for (let left = Number(bytes); left > 0; left -= 4096) file.write(Buffer.alloc(Math.min(left, 4096), 1));
  if (wait !== "") {
    console.log("written");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  await linkNameless(file, join(directory, "published"));
  atomicWrite(join(directory, "record.json"), "x".repeat(Number(bytes)));
  console.log("published");
} catch (thrown) {
  if (!(thrown instanceof PyroError)) throw thrown;
  console.log(JSON.stringify(thrown));
}
