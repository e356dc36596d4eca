/** Reads all layers of an image once, checks them, and says what tree they make. */
import { PyroError } from "../../contract/errors.ts";
import { Budget } from "./budget.ts";
import type { LayerEntry } from "./inode.ts";
import { checkedBytes, type LayerFile } from "./layer-bytes.ts";
import { type LayerLimits, layerLimits } from "./limits.ts";
import { inLayer } from "./problems.ts";
import { TarScanner } from "./tar-scan.ts";
import { Tree } from "./tree.ts";

/** Layers that are read at the same time: zlib works beside us, in threads of its own */
const AT_ONCE = 2;

export interface MergeOptions {
  readonly signal: AbortSignal;
  readonly limits?: LayerLimits;
  /** Called with what was read of the blobs, in bytes */
  readonly onRead?: (bytes: number) => void;
}

/** The tree of the layers, lowest first. Raises what a layer is refused for, with its digest. */
export async function mergeLayers(layers: readonly LayerFile[], options: MergeOptions): Promise<Tree> {
  const limits = options.limits ?? layerLimits;
  if (layers.length === 0) throw new PyroError("image_empty", "the image has no layers");
  if (layers.length > limits.layers)
    throw new PyroError("image_too_large", `the image has ${layers.length} layers, more than ${limits.layers}`, {
      details: { limit: limits.layers },
    });
  const budget = new Budget(limits);
  const tree = new Tree(budget);
  const scans = startScans(layers, budget, { ...options, limits });
  try {
    for (const [at, layer] of layers.entries()) {
      const entries = await scans.next(at);
      await inLayer(layer.digest, async () => {
        tree.beginLayer(at);
        for (const entry of entries) tree.apply(entry);
      });
      options.onRead?.(layer.size_bytes);
    }
    return tree;
  } finally {
    await scans.stop();
  }
}

interface Scans {
  /** Entries of the layer of that number; asked for in order */
  next(at: number): Promise<LayerEntry[]>;
  stop(): Promise<void>;
}

/** Scans layers ahead of who asks for them. */
function startScans(
  layers: readonly LayerFile[],
  budget: Budget,
  { signal, limits }: { readonly signal: AbortSignal; readonly limits: LayerLimits },
): Scans {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const running = new Map<number, Promise<LayerEntry[]>>();
  const start = (at: number) => {
    const layer = layers[at];
    if (layer === undefined || running.has(at)) return;
    const scan = inLayer(layer.digest, () => scanLayer(layer, at, budget, limits, either));
    scan.catch(() => undefined);
    running.set(at, scan);
  };
  return {
    async next(at) {
      for (let ahead = at; ahead < at + AT_ONCE; ahead += 1) start(ahead);
      const entries = (await running.get(at)) ?? [];
      running.delete(at);
      return entries;
    },
    async stop() {
      stopped.abort();
      await Promise.allSettled(running.values());
    },
  };
}

async function scanLayer(
  layer: LayerFile,
  number: number,
  budget: Budget,
  limits: LayerLimits,
  signal: AbortSignal,
): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const scanner = new TarScanner(number, budget, (entry) => void entries.push(entry));
  for await (const chunk of checkedBytes(layer, limits, signal)) {
    budget.takeBytes(chunk.length);
    scanner.feed(chunk);
  }
  scanner.end();
  return entries;
}
