/** Clones from a server that never ends, in a process that a test kills: `clone-endlessly URL CERTIFICATE`. */
import { cloning } from "../../src/workspaces/repository/cloning.ts";
import { openRepository } from "../../src/workspaces/repository/repo-seed.ts";

const [, , url = "", ca = ""] = process.argv;
const context = { signal: new AbortController().signal, emit: () => {} };
const source = await openRepository({ url, ref: null, allow_private: true }, { ...cloning, ca }, context);
for await (const entry of source.entries) console.log(entry.path);
