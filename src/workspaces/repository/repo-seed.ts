/** A repository on a server as a seed: a clean clone of one commit, with a Git directory of its own, of which the host never runs anything. */
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import { cleanText } from "../../contract/text.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { type TreeLimits, treeLimits } from "../../contract/tree-check.ts";
import type { RunningProgram } from "../../platform/programs.ts";
import { written } from "../../wire/pace.ts";
import { LfsPointers } from "../seed/lfs-pointers.ts";
import type { SeedSource, SeedSummary, Skipped } from "../seed/source.ts";
import { TarReader } from "../seed/tar.ts";
import { CHOSEN, CROWDED, packRoom, requireCloning, startClone, WHOLE } from "./clone-cage.ts";
import { type CloneLimits, cloneLimits } from "./limits.ts";
import type { PackAnswer } from "./pack.ts";
import { Remote } from "./remote.ts";
import { type CloneSurroundings, cloneEnded } from "./repo-host.ts";
import { checkRef } from "./repo-ref.ts";
import { RepoServer } from "./repo-server.ts";
import { type RepoUrl, readRepoUrl } from "./repo-url.ts";

const MIB = 1_048_576;
/** Bytes between two words on how far a clone has come. */
const PROGRESS_BYTES = 4 * MIB;
const MAX_LOG_CHARS = 4_096;

/** What is to be cloned. */
export interface RepositoryRequest {
  readonly url: string;
  /** Branch, tag, full name of a ref, or commit; the server's HEAD where it is null */
  readonly ref: string | null;
  /** Private networks and this machine are permitted */
  readonly allow_private: boolean;
}

export interface CloneContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Checks a request as far as that goes without asking anybody. */
export function checkRepository({ url, ref }: RepositoryRequest): RepoUrl {
  if (ref !== null) checkRef(ref);
  return readRepoUrl(url);
}

/** Finds the commit on its server; its files come when the entries are read. */
export async function openRepository(
  request: RepositoryRequest,
  around: CloneSurroundings,
  context: CloneContext,
): Promise<SeedSource> {
  const url = checkRepository(request);
  requireCloning();
  const limits = { ...cloneLimits, ...around.limits };
  const over = limitedTo(limits.total_ms);
  const signal = AbortSignal.any([context.signal, over.signal]);
  try {
    await context.emit({ type: "progress", stage: "clone", message: `Asking ${url.shown}` });
    const server = await RepoServer.find(url, { around, limits, allow_private: request.allow_private, signal });
    const remote = await Remote.find(server, request.ref ?? undefined, limits);
    return new RepositorySeed(url, remote, limits, {
      ...context,
      signal,
      over,
      tree: around.tree ?? treeLimits,
    }).source();
  } catch (thrown) {
    over.abort();
    throw signal.aborted && !(thrown instanceof PyroError) ? cloneEnded(signal) : thrown;
  }
}

/** Aborts itself when the time for a clone is over. */
function limitedTo(total_ms: number): AbortController {
  const over = new AbortController();
  const late = new PyroError("repo_unreachable", `The repository was not here whole within ${total_ms / 1000} s`);
  const timer = setTimeout(() => over.abort(late), total_ms).unref();
  over.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return over;
}

interface SeedContext extends CloneContext {
  /** Aborted at the end, so that no connection and no process is left */
  readonly over: AbortController;
  readonly tree: TreeLimits;
}

class RepositorySeed {
  readonly #url: RepoUrl;
  readonly #remote: Remote;
  readonly #limits: CloneLimits;
  readonly #context: SeedContext;
  readonly #lfs = new LfsPointers();
  readonly #skipped: Skipped[] = [];
  #commit: string | null = null;
  #is_shallow = false;

  constructor(url: RepoUrl, remote: Remote, limits: CloneLimits, context: SeedContext) {
    this.#url = url;
    this.#remote = remote;
    this.#limits = { ...limits, pack_bytes: packRoom(limits) };
    this.#context = context;
  }

  source(): SeedSource {
    return { entries: this.#lfs.pass(this.#entries()), summary: () => this.#summary() };
  }

  #summary(): SeedSummary {
    const cut = this.#is_shallow ? ["The clone has its newest commit alone, not the history before it"] : [];
    return {
      origin_kind: "repo_url",
      origin_ref: this.#url.shown,
      commit: this.#commit,
      dirty: false,
      skipped: [...this.#skipped],
      lfs_pointer_count: this.#lfs.count,
      notes: [...cut, ...this.#lfs.notes()],
    };
  }

  async *#entries(): AsyncGenerator<SourceEntry> {
    const { signal, over } = this.#context;
    const { format, choice } = this.#remote;
    try {
      const pack = await this.#remote.fetch();
      this.#is_shallow = pack.shallow.length > 0;
      const spec = { format, ...choice, url: this.#url.shown, shallow: pack.shallow };
      const cage = startClone(spec, { ...this.#limits, entries: this.#context.tree.entries }, signal);
      yield* this.#cloned(cage, pack);
    } catch (thrown) {
      throw signal.aborted ? cloneEnded(signal) : thrown;
    } finally {
      over.abort();
    }
  }

  /** The entries that a cage makes of a pack. */
  async *#cloned(cage: RunningProgram, pack: PackAnswer): AsyncGenerator<SourceEntry> {
    const log = collectLog(cage);
    let broken: unknown;
    const feeding = this.#feed(cage, pack).catch((thrown: unknown) => {
      broken = thrown;
      cage.kill();
    });
    try {
      const reader = new TarReader(chunksOf(cage), this.#context.tree);
      yield* this.#named(reader.entries());
      this.#commit = reader.commit;
    } catch (thrown) {
      // What broke the pack, or git's own word on it, says more than an archive that stops.
      if (!isCutOff(thrown)) throw thrown;
      const { exit_code } = await cage.ended;
      await feeding;
      throw broken ?? cloneError(log(), exit_code, this.#remote.choice.id, this.#context.tree.entries);
    } finally {
      cage.kill();
      await Promise.all([cage.ended.catch(() => {}), feeding]);
    }
  }

  async #feed(cage: RunningProgram, pack: PackAnswer): Promise<void> {
    const { emit } = this.#context;
    let done = 0;
    let told = 0;
    for await (const chunk of pack.bytes) {
      // A git that has ended says itself why.
      if (cage.stdin.destroyed) return;
      await written(cage.stdin, chunk);
      done += chunk.length;
      if (done - told < PROGRESS_BYTES) continue;
      told = done;
      const message = `Cloning: ${Math.floor(done / MIB)} MiB`;
      await emit({ type: "progress", stage: "clone", message, done, unit: "bytes" });
    }
    cage.stdin.end();
    await emit({ type: "progress", stage: "clone", message: "Checking the clone", done, unit: "bytes" });
  }

  /** Names the submodules: no tree of Git's has an empty directory but in their places. */
  async *#named(entries: AsyncIterable<SourceEntry>): AsyncGenerator<SourceEntry> {
    let open: string | undefined;
    const close = () => {
      if (open !== undefined && !/^\.git(?:\/|$)/.test(open))
        this.#skipped.push({ path: open, reason: "submodule_not_checked_out" });
    };
    for await (const entry of entries) {
      if (open !== undefined && !entry.path.startsWith(`${open}/`)) close();
      open = entry.kind === "directory" ? entry.path : undefined;
      yield entry;
    }
    close();
  }
}

async function* chunksOf({ stdout }: RunningProgram): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdout) yield chunk as Buffer;
}

function isCutOff(thrown: unknown): boolean {
  return thrown instanceof PyroError && ["archive_truncated", "cancelled"].includes(thrown.code);
}

/** Collects the end of what a cage has to say. */
function collectLog({ stderr }: RunningProgram): () => string {
  let text = "";
  stderr.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString("utf8")).slice(-MAX_LOG_CHARS);
  });
  return () => cleanText(text).trim();
}

/** Why a cage made no clone. */
function cloneError(log: string, exit_code: number | null, id: string, most: number): PyroError {
  const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("pyro: "));
  const last = lines.findLast((line) => line.startsWith("error: ")) ?? lines.at(-1) ?? `status ${exit_code}`;
  if (/^bwrap: /.test(last))
    return new PyroError("cage_unavailable", `bubblewrap could not build the cage: ${last}`, {
      hint: "Allow unprivileged user namespaces: see user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns in sysctl",
    });
  if (log.includes(CROWDED))
    return new PyroError("too_large", `there are more than ${most.toLocaleString("en-US")} entries`, {
      details: { limit: most },
    });
  if (/No space left|out of memory|mmap failed|exceeds maximum|maximum allowed size/i.test(log))
    return new PyroError("too_large", `The clone takes more memory than it may: ${last}`, { details: { log } });
  if (log.includes(WHOLE) && !log.includes(CHOSEN))
    return new PyroError("repo_ref_not_found", `"${id}" is no commit of the repository`, { details: { id } });
  return new PyroError("repo_inconsistent", `git cannot make a clone of what the server sent: ${last}`, {
    details: { log: log.slice(-1_000) },
  });
}
