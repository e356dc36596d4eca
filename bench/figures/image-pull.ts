/** An image pulled from a registry on this machine and made a root, beside skopeo and umoci; and what the pull of a second image moves that shares nine of ten layers. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { Registry } from "../../src/environments/registry/registry.ts";
import { statePaths } from "../../src/store/paths.ts";
import type { BenchContext } from "../context.ts";
import { copyAndUnpackMs } from "../counterparts.ts";
import type { Figure, Measurement } from "../figure.ts";
import { type BenchImage, IMAGE_LAYERS, IMAGE_MIB } from "../images.ts";
import { withRegistry } from "../registry.ts";
import { elapsedMs, repeat, shared } from "../timing.ts";

const RUNS = 5;
const BYTES_PER_MIB = 1_048_576;

interface Pulls {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Bytes of layers that came over the network for the two images */
  readonly moved: { readonly first: number; readonly second: number };
  /** Of the layer that the second image has for itself */
  readonly tenth: number;
}

/** Both in turn, so that a busy moment of this machine is not one of them alone. */
const pulls = shared((context: BenchContext) =>
  withRegistry(context, async (image, name): Promise<Pulls> => {
    const runs = await repeat(RUNS, context.signal, async () => ({
      ours: await pullMs(context, `${name}:latest`),
      theirs: await copyAndUnpackMs(context, `docker://${name}:latest`),
    }));
    const moved = await movedBytes(context, image, name);
    return { ours: runs.map(({ ours }) => ours), theirs: runs.map(({ theirs }) => theirs), ...moved };
  }),
);

export const imagePull: Figure = {
  name: "image-pull",
  title: `env pull of ${IMAGE_MIB} MiB over skopeo and umoci`,
  unit: "×",
  target: { at_most: 1 },
  measure: async (context): Promise<Measurement> => {
    const { ours, theirs } = await pulls(context);
    return {
      values: ours.map((ms, at) => ms / (theirs[at] ?? Number.NaN)),
      parts: [
        { name: "pyro env pull into an empty cache", unit: "ms", values: ours },
        { name: "skopeo copy and umoci unpack", unit: "ms", values: theirs },
      ],
    };
  },
};

export const imagePullShared: Figure = {
  name: "image-pull-shared",
  title: `bytes moved with ${IMAGE_LAYERS - 1} of ${IMAGE_LAYERS} layers there over the tenth`,
  unit: "×",
  target: { at_most: 1 },
  measure: async (context): Promise<Measurement> => {
    const { moved, tenth } = await pulls(context);
    return {
      values: [moved.second / tenth],
      parts: [
        { name: "moved for the first image", unit: "MiB", values: [moved.first / BYTES_PER_MIB] },
        { name: "moved for the second", unit: "MiB", values: [moved.second / BYTES_PER_MIB] },
      ],
    };
  },
};

/** A home with the guest kernel and nothing else; it is removed again. */
async function withHome<T>(context: BenchContext, use: (home: string) => Promise<T>): Promise<T> {
  const home = join(context.scratch, `home-${process.pid}`);
  const kernels = statePaths({ PYRO_HOME: home }).kernels;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  try {
    cpSync(context.paths.kernels, kernels, { recursive: true });
    return await use(home);
  } finally {
    rmSync(home, { recursive: true });
  }
}

function pullMs(context: BenchContext, name: string): Promise<number> {
  return withHome(context, (home) => elapsedMs(() => context.pyro(["env", "pull", name], home)));
}

function movedBytes(
  context: BenchContext,
  { tenth }: BenchImage,
  name: string,
): Promise<Pick<Pulls, "moved" | "tenth">> {
  return withHome(context, async (home) => {
    const env = { PYRO_HOME: home, HOME: home };
    const registry = new Registry({ paths: statePaths(env), env });
    const moved = async (tag: string) => {
      const image = await registry.resolve(parseReference(`${name}:${tag}`), { signal: context.signal });
      return (await registry.fetchBlobs(image, { signal: context.signal })).fetched_bytes;
    };
    const [first, second] = [await moved("latest"), await moved("next")];
    return { moved: { first, second }, tenth: tenth.size_bytes };
  });
}
