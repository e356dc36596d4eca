/** Bundles a TypeScript file into one that plain node runs, for tests that must kill or confine a whole process. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "tsdown";

export interface BundleOptions {
  /** Where its directory is made; below this package where the program must find what belongs to it */
  readonly below?: string;
  /** Names that are replaced by expressions */
  readonly define?: Readonly<Record<string, string>>;
}

/** Path of the bundle of `entry`, in a temporary directory of its own. */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<string> {
  const { below = tmpdir(), define = {} } = options;
  const outDir = mkdtempSync(join(below, "pyro-bundle-"));
  mkdirSync(outDir, { recursive: true, mode: 0o755 });
  await build({
    entry: [entry],
    define,
    outDir,
    format: "esm",
    platform: "node",
    dts: false,
    config: false,
    logLevel: "silent",
    outExtensions: () => ({ js: ".mjs" }),
    deps: { alwaysBundle: [/.*/] },
  });
  return join(outDir, basename(entry).replace(/\.ts$/, ".mjs"));
}
