/** A home of a test's own that has the user's environment and kernel but no template, so that templates can be made and damaged in it. */
import { copyFileSync, cpSync, existsSync, mkdtempSync } from "node:fs";
import { basename, join } from "node:path";
import { Environments } from "../../src/environments/environments.ts";
import { imageHash } from "../../src/environments/records.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";
import { version } from "../../src/version.ts";

/** The environment that is in it. */
export const ENVIRONMENT = "debian:12";

/** Makes such a home below `scratch`, or where the variables say; pulls what the user's cache lacks. */
export async function copiedHome(scratch: string, variables?: Readonly<{ HOME: string }>): Promise<StatePaths> {
  const from = statePaths();
  const environments = new Environments({ paths: from, env: process.env, pyro_version: version });
  const image = from.image(imageHash(await environments.ensure(ENVIRONMENT)));
  await environments.ensureKernel();
  const to = variables
    ? statePaths({}, undefined, variables.HOME)
    : statePaths({ PYRO_HOME: mkdtempSync(join(scratch, "home-")) });
  to.prepareCache();
  for (const directory of ["kernels", "initramfs", "disks"])
    cpSync(join(from.cache, directory), join(to.cache, directory), { recursive: true });
  copyFileSync(image, join(to.images, basename(image)));
  copyFileSync(from.environmentRecord(ENVIRONMENT), to.environmentRecord(ENVIRONMENT));
  if (existsSync(from.kvmRecord)) copyFileSync(from.kvmRecord, to.kvmRecord);
  return to;
}
