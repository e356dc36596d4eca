/** Opens what a workspace is seeded or pushed from: a directory, a checkout or an archive. */
import { basename } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { openArchiveSeed } from "./archive.ts";
import { openDirectorySeed } from "./directory.ts";
import { openSeedDirectory } from "./opening.ts";
import type { SeedOptions, SeedSource } from "./source.ts";

/** Whether a file is read as an archive. */
export function isArchiveName(name: string): boolean {
  return /\.(?:tar|tar\.gz|tgz)$/i.test(name);
}

/** The seed at a host path; raises `seed_not_found`, `seed_unreadable` or `unsupported_type`. */
export async function openSeed(path: string, options: SeedOptions): Promise<SeedSource> {
  const directory = openSeedDirectory(path);
  if (directory !== undefined) {
    const real = directory.realPath();
    directory.close();
    return openDirectorySeed(real, options);
  }
  if (isArchiveName(basename(path))) return openArchiveSeed(path, options);
  throw new PyroError("unsupported_type", `${showPath(path)} is neither a directory nor named .tar, .tar.gz or .tgz`);
}
