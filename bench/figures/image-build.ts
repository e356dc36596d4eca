/** A root image of ten layers on disk, beside what skopeo and umoci take to copy and unpack the same image. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildFromLayers } from "../../src/environments/layers/build-image.ts";
import { remove } from "../../src/platform/files.ts";
import { locateProgram, runProgram } from "../../src/platform/programs.ts";
import type { BenchContext } from "../context.ts";
import { type Figure, FigureSkipped } from "../figure.ts";
import { type BenchImage, IMAGE_LAYERS, IMAGE_MIB, withImage } from "../images.ts";
import { elapsedMs, repeat } from "../timing.ts";

const RUNS = 3;
const KIB_PER_MIB = 1024;

export const imageBuild: Figure = {
  name: "image-build",
  title: `root image of ${IMAGE_LAYERS} layers and ${IMAGE_MIB} MiB over skopeo copy and umoci unpack`,
  unit: "×",
  target: { at_most: 1 },
  measure: (context) =>
    withImage(context, async (image) => {
      const [skopeo, umoci] = [locateProgram("skopeo"), locateProgram("umoci")];
      if (skopeo === undefined || umoci === undefined) throw new FigureSkipped("skopeo and umoci are not installed");
      const ours = await repeat(RUNS, context.signal, () => build(context, image));
      const peak = process.resourceUsage().maxRSS / KIB_PER_MIB;
      const theirs = await repeat(RUNS, context.signal, () => copyAndUnpack(context, image, skopeo, umoci));
      return {
        values: ours.map((ms, at) => ms / (theirs[at] ?? Number.NaN)),
        parts: [
          { name: "root image of the layers", unit: "ms", values: ours },
          { name: "skopeo copy and umoci unpack", unit: "ms", values: theirs },
          { name: "peak memory of this process, the bench included", unit: "MiB", values: [peak] },
        ],
      };
    }),
};

/** The image is removed again, so that each run publishes one. */
async function build({ paths, signal }: BenchContext, { layers }: BenchImage): Promise<number> {
  let path = "";
  const ms = await elapsedMs(async () => {
    const { sha256 } = await buildFromLayers(layers, paths, { signal, emit: () => undefined });
    path = paths.image(sha256);
  });
  remove(path);
  return ms;
}

async function copyAndUnpack(context: BenchContext, image: BenchImage, skopeo: string, umoci: string): Promise<number> {
  const copied = join(context.scratch, `copied-${process.pid}`);
  const bundle = join(context.scratch, `bundle-${process.pid}`);
  const run = async (program: string, args: readonly string[]) => {
    const { exit_code, stderr } = await runProgram(program, args, { signal: context.signal });
    if (exit_code !== 0) throw new Error(`${program} ended with ${exit_code}: ${stderr}`);
  };
  try {
    return await elapsedMs(async () => {
      await run(skopeo, ["copy", "-q", "--insecure-policy", `oci:${image.path}:latest`, `oci:${copied}:latest`]);
      const user = process.getuid?.() === 0 ? [] : ["--rootless"];
      await run(umoci, ["unpack", ...user, "--image", `${copied}:latest`, bundle]);
    });
  } finally {
    rmSync(copied, { recursive: true, force: true });
    rmSync(bundle, { recursive: true, force: true });
  }
}
