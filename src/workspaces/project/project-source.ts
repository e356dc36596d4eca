/** What workspaces begin with that are told nothing: a repository, a directory, the checkout around the working directory, or nothing. */
import { resolve } from "node:path";
import { type ErrorCode, PyroError, toPyroError } from "../../contract/errors.ts";
import { checkRepository, type RepositoryRequest } from "../repository/repo-seed.ts";
import type { SeedRequest } from "../seed/request.ts";
import { type Detected, detectCheckout, namedProject, type Variables } from "./detection.ts";

/** What a person said when a server was started; a call's own seed comes before all of it. */
export interface ProjectOptions {
  readonly project_path?: string | undefined;
  readonly repo_url?: string | undefined;
  readonly repo_ref?: string | undefined;
  /** The repository may be on a private network or this machine */
  readonly allow_private_repo?: boolean | undefined;
  readonly no_project_source?: boolean | undefined;
  /** Working directory; this process's where it is absent */
  readonly cwd?: string | undefined;
}

/** What a call says itself of what its workspace begins with. */
export interface SeedCall {
  readonly seed_path?: string | undefined;
  readonly repo_url?: string | undefined;
  readonly repo_ref?: string | undefined;
  readonly allow_private_repo?: boolean | undefined;
}

export interface ProjectDescription {
  readonly kind: "none" | "repo_url" | "project_path" | "checkout";
  /** Address of the repository, or host path; null where there is none */
  readonly ref: string | null;
  /** Why it cannot be used, or why there is none */
  readonly reason?: string;
  /** The way out of that */
  readonly hint?: string;
}

/** Failures of what was found, not of what is made of it. */
const ofSource: readonly ErrorCode[] = [
  "seed_not_found",
  "seed_unreadable",
  "unsupported_type",
  "path_escape",
  "duplicate_entry",
  "too_large",
  "archive_truncated",
  "archive_inconsistent",
  "repo_not_found",
  "repo_ref_not_found",
  "repo_ref_ambiguous",
  "repo_address_forbidden",
  "repo_unreachable",
  "repo_inconsistent",
];

const ELSEWHERE = "name another one in seed_path, or start the server with --project-path PATH or --no-project-source";

export class ProjectSource {
  readonly #options: ProjectOptions;
  readonly #env: Variables;
  #decided: Promise<Detected> | undefined;
  /** What was decided, once it has been used */
  #seed: Detected | undefined;

  /** Nothing is looked at until somebody asks. `env` tells where the home directory is. */
  constructor(options: ProjectOptions, env: Variables = process.env) {
    this.#options = options;
    this.#env = env;
  }

  /** What it is, decided once. */
  async describe(): Promise<ProjectDescription> {
    const { kind, ref, reason, hint } = await this.#decide();
    return { kind, ref, ...(reason === undefined ? {} : { reason }), ...(hint === undefined ? {} : { hint }) };
  }

  /** What the workspace of a call begins with; undefined for nothing. Raises `project_source_unusable`, and what is wrong with the call's own. */
  async seedFor(call: SeedCall): Promise<SeedRequest | undefined> {
    const own = seedOf(call);
    if (own !== undefined) return own;
    const { kind, ref, reason, hint, request } = await this.#decide();
    if (request !== undefined || kind === "none") return request;
    throw unusable(ref, reason ?? "it cannot be read", hint === undefined ? {} : { hint });
  }

  /** What a failed creation says: where its project is to blame, that, and the way out. */
  errorOf(thrown: unknown, call: SeedCall): PyroError {
    const error = toPyroError(thrown);
    const { seed_path, repo_url } = call;
    const isOwn = seed_path !== undefined || repo_url !== undefined;
    if (isOwn || this.#seed === undefined || !ofSource.includes(error.code)) return error;
    return unusable(this.#seed.ref, error.message, { hint: `${error.hint}; or ${ELSEWHERE}`, cause: error });
  }

  async #decide(): Promise<Detected> {
    this.#decided ??= decide(this.#options, this.#env);
    this.#seed = await this.#decided;
    return this.#seed;
  }
}

async function decide(options: ProjectOptions, env: Variables): Promise<Detected> {
  const { no_project_source, repo_url, repo_ref, project_path, cwd } = options;
  if (no_project_source === true) return { kind: "none", ref: null };
  if (repo_url !== undefined) return repository({ ...options, repo_url, repo_ref });
  if (project_path !== undefined) return namedProject(cwd === undefined ? project_path : resolve(cwd, project_path));
  return detectCheckout(cwd, env);
}

function repository(call: SeedCall & { readonly repo_url: string }): Detected {
  try {
    const request = requestOf(call);
    return { kind: "repo_url", ref: checkRepository(request).shown, request: { kind: "repository", ...request } };
  } catch (thrown) {
    const { message, hint } = toPyroError(thrown);
    return { kind: "repo_url", ref: null, reason: message, hint };
  }
}

/** What a call itself asks for. */
function seedOf(call: SeedCall): SeedRequest | undefined {
  const { seed_path, repo_url, repo_ref } = call;
  if (seed_path !== undefined && repo_url !== undefined)
    throw new PyroError("invalid_input", "seed_path and repo_url were both given: a workspace begins with one of them");
  if (repo_ref !== undefined && repo_url === undefined)
    throw new PyroError("invalid_input", "repo_ref was given without repo_url");
  if (seed_path !== undefined) return { kind: "path", path: resolve(seed_path) };
  if (repo_url === undefined) return undefined;
  const request = requestOf({ ...call, repo_url });
  checkRepository(request);
  return { kind: "repository", ...request };
}

function requestOf({ repo_url, repo_ref, allow_private_repo }: SeedCall & { repo_url: string }): RepositoryRequest {
  return { url: repo_url, ref: repo_ref ?? null, allow_private: allow_private_repo === true };
}

function unusable(ref: string | null, reason: string, more: { hint?: string; cause?: PyroError }): PyroError {
  const what = ref === null ? "The project" : `The project "${ref}"`;
  const details = more.cause === undefined ? {} : { details: { code: more.cause.code } };
  return new PyroError("project_source_unusable", `${what} cannot be used: ${reason}`, { ...more, ...details });
}
