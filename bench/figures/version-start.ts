/** The start of the command itself: `pyro --version` over a Node that does nothing. */
import { join } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";
import { runProgram } from "../../src/platform/programs.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";

export const versionStart: Figure = {
  name: "version-start",
  title: "pyro --version over node -e 0",
  unit: "×",
  target: { at_most: 1.3 },
  async measure(context) {
    const node = (args: readonly string[]) =>
      elapsedMs(() => runProgram(process.execPath, args, { signal: context.signal }));
    const pair = async () => ({
      version: await node([join(packageRoot(), "bin", "pyro"), "--version"]),
      nothing: await node(["-e", "0"]),
    });
    await pair();
    const pairs = await repeat(context.runs, context.signal, pair);
    return {
      values: pairs.map(({ version, nothing }) => version / nothing),
      parts: [
        { name: "pyro --version", unit: "ms", values: pairs.map(({ version }) => version) },
        { name: "node -e 0", unit: "ms", values: pairs.map(({ nothing }) => nothing) },
      ],
    };
  },
};
