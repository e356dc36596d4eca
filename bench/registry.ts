/** Debian's docker-registry on this machine, with a store below the bench's scratch and the bench's images in it. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { locateProgram, type RunningProgram, startProgram } from "../src/platform/programs.ts";
import type { BenchContext } from "./context.ts";
import { requireCounterparts, runCounterpart } from "./counterparts.ts";
import { FigureSkipped } from "./figure.ts";
import { type BenchImage, withImage } from "./images.ts";

/** Starts the registry with `latest` and `next` of the bench's image as `HOST/bench/image`, hands it over, and ends it. */
export async function withRegistry<T>(
  context: BenchContext,
  use: (image: BenchImage, name: string) => Promise<T>,
): Promise<T> {
  const { skopeo } = requireCounterparts();
  const program = locateProgram("docker-registry");
  if (program === undefined) throw new FigureSkipped("docker-registry is not installed");
  const directory = join(context.scratch, `registry-${process.pid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "config.yml"), configOf(join(directory, "store")));
  const registry = startProgram(program, ["serve", join(directory, "config.yml")], { signal: context.signal });
  try {
    const name = `${await hostOf(registry)}/bench/image`;
    return await withImage(context, async (image) => {
      for (const tag of ["latest", "next"]) {
        const copied = [`oci:${image.path}:${tag}`, `docker://${name}:${tag}`];
        await runCounterpart(context, skopeo, [
          "copy",
          "-q",
          "--insecure-policy",
          "--dest-tls-verify=false",
          ...copied,
        ]);
      }
      return await use(image, name);
    });
  } finally {
    registry.kill();
    await registry.ended.catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  }
}

function configOf(rootdirectory: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: "info", formatter: "json", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory } },
    http: { addr: "127.0.0.1:0" },
  });
}

/** The address that the registry says it listens on. Its words are read to the end, so that it never waits for a reader. */
function hostOf({ stdout, stderr, ended }: RunningProgram): Promise<string> {
  stdout.resume();
  return new Promise((resolve, reject) => {
    createInterface({ input: stderr }).on("line", (line) => {
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (host !== undefined) resolve(host);
    });
    ended.then(({ exit_code }) => reject(new Error(`docker-registry ended with ${exit_code}`)), reject);
  });
}
