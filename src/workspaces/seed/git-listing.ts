/**
 * Asks git which files of a checkout it tracks or does not ignore. The checkout may be hostile, so git never sees its configuration: the shared
 * part of its Git directory is replaced by an empty repository of ours, and it is left no protocol, hook or prompt to act through.
 */
import { join } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import { withDeadline } from "../../platform/deadline.ts";
import { atomicWrite, makePrivateDirectory } from "../../platform/files.ts";
import { type ProgramOptions, runProgram, startProgram } from "../../platform/programs.ts";
import type { StatePaths } from "../../store/paths.ts";
import { type Checkout, hasFile, objectFormatOf } from "./git-directory.ts";

const TIMEOUT_MS = 120_000;
const MAX_LISTING_BYTES = 256 * 1_048_576;
const MAX_REASON_CHARS = 2_000;
const GITLINK = "160000";

type Variables = Readonly<Record<string, string | undefined>>;

/** What listing needs. */
export interface ListOptions {
  /** Absolute path of git */
  readonly git: string;
  readonly paths: StatePaths;
  /** The caller's own variables, for the caller's own ignore file */
  readonly env: Variables;
  readonly signal?: AbortSignal | undefined;
}

/** A path that git names. */
export interface ListedPath {
  readonly path: Buffer;
  /** It is a repository of its own: a submodule, or one that lies in the checkout untracked */
  readonly isRepository: boolean;
  /** It is not tracked, or not what the index has */
  readonly isChanged: boolean;
}

/** Variables with which git sees no configuration but its repository's, asks nothing and reaches nobody. */
export const quietGit = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ALLOW_PROTOCOL: "none",
  GIT_NO_LAZY_FETCH: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_PAGER: "cat",
} as const;

/** Tracked paths and those that are not ignored, in `below`, a path relative to the checkout's root, or everywhere. */
export async function listCheckout(checkout: Checkout, below: string, options: ListOptions): Promise<ListedPath[]> {
  const { git } = checkout;
  const exclude = join(git.common, "info", "exclude");
  const args = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
  const ignoreFile = await personalIgnoreFile(options);
  if (ignoreFile !== undefined) args.push("-c", `core.excludesFile=${ignoreFile}`);
  args.push(
    "ls-files",
    "-z",
    "-t",
    "--stage",
    "--cached",
    "--others",
    "--modified",
    "--deleted",
    "--exclude-standard",
    "--full-name",
  );
  if (hasFile(join(git.common, "info"), "exclude")) args.push(`--exclude-from=${exclude}`);
  if (below !== "") args.push("--", below);
  return parseListing(await output(options.git, args, shielded(checkout, options), options.signal));
}

/** Whether the index differs from a commit; null where git cannot tell, as where objects are still on a server. */
export async function isStaged(checkout: Checkout, commit: string, options: ListOptions): Promise<boolean | null> {
  const { env, cwd } = shielded(checkout, options);
  const args = ["diff-index", "--cached", "--quiet", "--no-ext-diff", "--no-textconv", "--end-of-options", commit];
  const { exit_code } = await runProgram(options.git, args, {
    env: { ...env },
    cwd,
    timeout_ms: TIMEOUT_MS,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return exit_code === 0 || exit_code === 1 ? exit_code === 1 : null;
}

/** Where git works on a checkout without its settings. */
function shielded({ root, git }: Checkout, { paths }: ListOptions) {
  const env = {
    ...quietGit,
    GIT_DIR: git.path,
    GIT_COMMON_DIR: emptyRepository(objectFormatOf(git), paths),
    GIT_INDEX_FILE: join(git.path, "index"),
    GIT_OBJECT_DIRECTORY: join(git.common, "objects"),
    GIT_WORK_TREE: root,
  };
  return { env, cwd: root };
}

/** Git's own answer to which file has the caller's personal ignore patterns; the caller's configuration is trusted. */
async function personalIgnoreFile({ git, env, signal }: ListOptions): Promise<string | undefined> {
  const home = env["HOME"];
  if (home === undefined || home === "") return undefined;
  const xdg = env["XDG_CONFIG_HOME"];
  const places: Record<string, string> =
    xdg === undefined || xdg === "" ? { HOME: home } : { HOME: home, XDG_CONFIG_HOME: xdg };
  const args = ["config", "--global", "--includes", "--type=path", "--get", "core.excludesFile"];
  const { stdout } = await runProgram(git, args, {
    env: { ...places, GIT_CONFIG_NOSYSTEM: "1" },
    timeout_ms: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  const configured = stdout.replace(/\n$/, "");
  return configured === "" ? join(places["XDG_CONFIG_HOME"] ?? join(home, ".config"), "git", "ignore") : configured;
}

/** A repository without commits, settings or hooks; made once. */
function emptyRepository(objectFormat: "sha1" | "sha256", paths: StatePaths): string {
  const path = paths.emptyRepository(objectFormat);
  makePrivateDirectory(path, paths.uid);
  for (const name of ["objects", "refs"]) makePrivateDirectory(join(path, name), paths.uid);
  if (!hasFile(path, "config")) {
    const config =
      objectFormat === "sha1"
        ? "[core]\n\trepositoryformatversion = 0\n"
        : "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n";
    atomicWrite(join(path, "config"), config);
  }
  return path;
}

function output(git: string, args: string[], how: ProgramOptions, signal?: AbortSignal): Promise<Buffer> {
  return withDeadline(TIMEOUT_MS, signal, (ends) => outputUntil(ends, git, args, how, signal));
}

async function outputUntil(
  ends: AbortSignal,
  git: string,
  args: string[],
  how: ProgramOptions,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (signal?.aborted) throw new PyroError("cancelled", "cancelled while the checkout was listed");
  const program = startProgram(git, args, { ...how, signal: ends });
  program.stdin.end();
  const chunks: Buffer[] = [];
  let size = 0;
  program.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_LISTING_BYTES) program.kill();
    else chunks.push(chunk);
  });
  let reason = "";
  program.stderr.on("data", (chunk: Buffer) => {
    reason = (reason + chunk.toString("utf8")).slice(0, MAX_REASON_CHARS);
  });
  const { exit_code } = await program.ended;
  if (signal?.aborted) throw new PyroError("cancelled", "cancelled while the checkout was listed");
  if (exit_code === 0) return Buffer.concat(chunks);
  if (size > MAX_LISTING_BYTES)
    throw new PyroError("too_large", `the checkout's list of files is longer than ${MAX_LISTING_BYTES} bytes`);
  const told = ends.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : cleanText(reason).trim();
  throw new PyroError("seed_unreadable", `git cannot list "${how.cwd ?? ""}": ${told}`, {
    hint: "Check it with: git ls-files, or seed from a copy without its .git",
  });
}

/** Each record is a tag, for a tracked path its mode, hash and stage, and the path; a path may come more than once. */
function parseListing(listing: Buffer): ListedPath[] {
  const found: ListedPath[] = [];
  for (let at = 0; at < listing.length; ) {
    const end = listing.indexOf(0, at);
    const record = listing.subarray(at, end < 0 ? listing.length : end);
    at += record.length + 1;
    if (record.subarray(0, 2).toString("latin1") === "? ") {
      found.push({ path: record.subarray(2), isRepository: record.at(-1) === 0x2f, isChanged: true });
    } else {
      const tab = record.indexOf(0x09);
      const mode = record.subarray(2, 8).toString("latin1");
      const isRepository = mode === GITLINK;
      // A changed path comes twice: as it is tracked, and as it has changed.
      const tag = record.subarray(0, 1).toString("latin1");
      found.push({ path: record.subarray(tab + 1), isRepository, isChanged: tag !== "H" && tag !== "S" });
    }
  }
  return found;
}
