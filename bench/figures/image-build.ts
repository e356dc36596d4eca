/** A root image of ten layers on disk, beside what skopeo and umoci take to copy and unpack the same image. */
import { buildFromLayers } from "../../src/environments/layers/build-image.ts";
import { remove } from "../../src/platform/files.ts";
import type { BenchContext } from "../context.ts";
import { copyAndUnpackMs, requireCounterparts } from "../counterparts.ts";
import type { Figure } from "../figure.ts";
import { type BenchImage, IMAGE_LAYERS, IMAGE_MIB, withImage } from "../images.ts";
import { elapsedMs, repeat } from "../timing.ts";

const RUNS = 3;
const KIB_PER_MIB = 1024;

export const imageBuild: Figure = {
  name: "image-build",
  title: `root image of ${IMAGE_LAYERS} layers and ${IMAGE_MIB} MiB over skopeo copy and umoci unpack`,
  unit: "×",
  target: { at_most: 1 },
  measure: (context) => {
    requireCounterparts();
    return withImage(context, async (image) => {
      const ours = await repeat(RUNS, context.signal, () => build(context, image));
      const peak = process.resourceUsage().maxRSS / KIB_PER_MIB;
      const theirs = await repeat(RUNS, context.signal, () => copyAndUnpackMs(context, `oci:${image.path}:latest`));
      return {
        values: ours.map((ms, at) => ms / (theirs[at] ?? Number.NaN)),
        parts: [
          { name: "root image of the layers", unit: "ms", values: ours },
          { name: "skopeo copy and umoci unpack", unit: "ms", values: theirs },
          { name: "peak memory of this process, the bench included", unit: "MiB", values: [peak] },
        ],
      };
    });
  },
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
