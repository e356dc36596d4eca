/** The modules of a virtio network card for the bare machine, which pyro's own guests do not have: from the kernel's package, kept beside pyro's cache. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchKernelPackage } from "../../src/environments/kernel-package.ts";
import { loadOrder } from "../../src/environments/modules.ts";
import type { BenchContext } from "../context.ts";
import { FigureSkipped } from "../figure.ts";

export interface ModuleFile {
  readonly name: string;
  readonly content: Buffer;
}

/** In load order. Throws `FigureSkipped` where the archive has another kernel by now. */
export async function networkModules(context: BenchContext, release: string): Promise<ModuleFile[]> {
  const directory = join(context.scratch, `network-${release}`);
  const list = join(directory, "load-order");
  if (!existsSync(list)) await fetchModules(context, release, directory, list);
  const names = readFileSync(list, "utf8").split("\n").filter(Boolean);
  return names.map((name) => ({ name, content: readFileSync(join(directory, name)) }));
}

async function fetchModules(context: BenchContext, release: string, directory: string, list: string): Promise<void> {
  const { paths, signal } = context;
  const found = await fetchKernelPackage(paths, { env: process.env, emit: () => undefined, signal });
  if (found.release !== release)
    throw new FigureSkipped(`the archive has the kernel ${found.release}, and the guests have ${release}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const modules = loadOrder(["virtio_net"], found.modules, found.built_in);
  const names = modules.map(({ name, content }) => {
    const file = `${name}.ko`;
    writeFileSync(join(directory, file), content);
    return file;
  });
  // Last: without the list the modules do not count.
  writeFileSync(list, names.join("\n"));
}
