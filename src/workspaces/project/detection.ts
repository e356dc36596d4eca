/** Finds the project on this machine: the one that was named, or the checkout around the working directory. Nothing is run and nothing written. */
import { homedir } from "node:os";
import { basename } from "node:path";
import { toPyroError } from "../../contract/errors.ts";
import { findProgram } from "../../platform/programs.ts";
import { nearestCheckout, ownerOf } from "../seed/git-directory.ts";
import { isArchiveName } from "../seed/open.ts";
import { openSeedDirectory } from "../seed/opening.ts";
import type { SeedRequest } from "../seed/request.ts";

/** Directories that are looked at on the way up (docs/design/limits.md). */
const MAX_LEVELS = 64;
const NAME_IT = "Start the server with --project-path PATH, or give seed_path";

export type Variables = Readonly<Record<string, string | undefined>>;

/** What was found. Without a request it cannot be used, and the reason says why. */
export interface Detected {
  readonly kind: "none" | "repo_url" | "project_path" | "checkout";
  readonly ref: string | null;
  readonly reason?: string;
  readonly hint?: string;
  readonly request?: SeedRequest;
}

/** A directory, checkout or archive that a person named. */
export function namedProject(path: string): Detected {
  try {
    const real = realDirectory(path) ?? (isArchiveName(basename(path)) ? path : undefined);
    if (real !== undefined) return { kind: "project_path", ref: real, request: { kind: "path", path: real } };
    const reason = "it is neither a directory nor named .tar, .tar.gz or .tgz";
    return { kind: "project_path", ref: path, reason, hint: "Check --project-path" };
  } catch (thrown) {
    return { kind: "project_path", ref: path, reason: toPyroError(thrown).message, hint: "Check --project-path" };
  }
}

/** The checkout around a directory, found on real paths; a home directory or the root of all is none unless it is named. */
export function detectCheckout(cwd: string | undefined, env: Variables): Detected {
  const start = workingDirectory(cwd);
  const checkout = start === undefined ? undefined : nearestCheckout(start, MAX_LEVELS);
  if (checkout === undefined) return { kind: "none", ref: null, reason: "the working directory is in no Git checkout" };
  const { root, git } = checkout;
  const vast = vastness(root, env);
  if (vast !== undefined)
    return { kind: "none", ref: null, reason: `the checkout around the working directory is ${vast}`, hint: NAME_IT };
  const found = { kind: "checkout", ref: root } as const;
  const own = BigInt(process.getuid?.() ?? 0);
  if (ownerOf(root) !== own || ownerOf(git.path) !== own)
    return { ...found, reason: "the checkout belongs to another user", hint: `${NAME_IT} to use it all the same` };
  return { ...found, ...(gitProblem() ?? { request: { kind: "path", path: root } }) };
}

function workingDirectory(cwd: string | undefined): string | undefined {
  try {
    return realDirectory(cwd ?? process.cwd());
  } catch {
    return undefined;
  }
}

/** A directory without symlinks in its path; undefined for anything else that exists. */
function realDirectory(path: string): string | undefined {
  const directory = openSeedDirectory(path);
  const real = directory?.realPath();
  directory?.close();
  return real;
}

/** Why a checkout is more than a project. */
function vastness(root: string, env: Variables): string | undefined {
  if (root === "/") return "all of this machine";
  for (const home of [env["HOME"], homedir()]) {
    if (home !== undefined && home !== "" && workingDirectory(home) === root) return "your home directory";
  }
  return undefined;
}

/** Without git, ignored files cannot be told from others. */
function gitProblem(): { reason: string; hint: string } | undefined {
  try {
    findProgram("git");
    return undefined;
  } catch (thrown) {
    const { message, hint } = toPyroError(thrown);
    return { reason: message, hint };
  }
}
