/** Programs that others get and unpack images with, and the time they take. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { locateProgram, runProgram } from "../src/platform/programs.ts";
import type { BenchContext } from "./context.ts";
import { FigureSkipped } from "./figure.ts";
import { elapsedMs } from "./timing.ts";

interface Counterparts {
  readonly skopeo: string;
  readonly umoci: string;
}

/** Their paths; `FigureSkipped` where they are not installed. */
export function requireCounterparts(): Counterparts {
  const [skopeo, umoci] = [locateProgram("skopeo"), locateProgram("umoci")];
  if (skopeo === undefined || umoci === undefined) throw new FigureSkipped("skopeo and umoci are not installed");
  return { skopeo, umoci };
}

/** Runs one of them; throws where it does not exit with 0. */
export async function runCounterpart(context: BenchContext, program: string, args: readonly string[]): Promise<void> {
  const { exit_code, stderr } = await runProgram(program, args, { signal: context.signal });
  if (exit_code !== 0) throw new Error(`${program} ended with ${exit_code}: ${stderr}`);
}

/** Milliseconds of `skopeo copy` from that place into a layout, and of `umoci unpack`. */
export async function copyAndUnpackMs(context: BenchContext, from: string): Promise<number> {
  const { skopeo, umoci } = requireCounterparts();
  const copied = join(context.scratch, `copied-${process.pid}`);
  const bundle = join(context.scratch, `bundle-${process.pid}`);
  const user = process.getuid?.() === 0 ? [] : ["--rootless"];
  const copy = ["copy", "-q", "--insecure-policy", "--src-tls-verify=false", from, `oci:${copied}:latest`];
  try {
    return await elapsedMs(async () => {
      await runCounterpart(context, skopeo, copy);
      await runCounterpart(context, umoci, ["unpack", ...user, "--image", `${copied}:latest`, bundle]);
    });
  } finally {
    rmSync(copied, { recursive: true, force: true });
    rmSync(bundle, { recursive: true, force: true });
  }
}
