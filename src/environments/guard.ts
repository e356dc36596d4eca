/** Runs a build script as the first process of its own process and mount namespace: when we end, all of it ends. */
import { freemem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { findProgram, type ProgramExit, requirePrograms, startProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";

/** Lines a script may print for us start with this. */
export const MARK = "pyro: ";
const READY = "guard is up";
const LOG_LINES = 400;

const BYTES_PER_MIB = 1_048_576;
/** Memory left to everything else while a build keeps its scratch in a tmpfs, in `MiB`. */
const MEMORY_RESERVE_MIB = 512;

/**
 * Standard input is the lifeline: its writing end exists only in this process, so its end of file tells bash, which is
 * PID 1 of the namespace, to exit; the kernel then kills everything in it and drops its mounts, and with them the tmpfs
 * that is its /tmp. A scratch directory on disk is bound in place of the tmpfs and emptied before PID 1 exits.
 */
const prelude = `
set -u -o pipefail
umask 022
scratch=$1 mib=$2; shift 2
finish() {
  trap '' TERM
  if [ -n "$scratch" ]; then
    exec 2>/dev/null
    kill -KILL -1
    for point in $(awk '$5 ~ "^/tmp/" { print $5 }' /proc/self/mountinfo | tac); do umount -l "$point"; done
    rm -rf --one-file-system /tmp/work
    cd / && umount -l /tmp && rmdir "$scratch"
  fi
  exit "$1"
}
trap 'finish 143' TERM
exec 9<&0 </dev/null
( cat <&9 >/dev/null 2>&1; kill -TERM 1 ) &
if [ -n "$scratch" ]; then
  mkdir -m 0711 "$scratch" && mount --bind "$scratch" /tmp || exit 70
else
  mount -t tmpfs -o "mode=0755,size=$mib"m pyro /tmp || exit 70
fi
mkdir /tmp/work && cd /tmp/work || exit 70
export TMPDIR=/tmp/work
echo "${MARK}${READY}" >&2
( exec 9<&-; trap - TERM; build "$@" ) &
wait $!
finish $?
`;

/** One build. */
export interface GuardedBuild {
  /** Bash that defines the function `build`; it works in an empty directory, 3, 4, … are `fds`. */
  readonly script: string;
  readonly args: readonly string[];
  readonly fds?: readonly number[];
  /** Scratch space it may need, in `MiB`. */
  readonly scratch_mib: number;
  /** Directory on disk to use as scratch in place of memory; must not exist yet. */
  readonly scratch_directory?: string | undefined;
  /** Proxy settings and the like. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Receives each line of standard error, and what the script says after the mark. */
  readonly onLine?: (line: string) => void;
  readonly onMark?: (words: string) => void;
  /** Writes to the descriptor behind `fds` while the build runs, and ends it. */
  readonly onInput?: (stream: Writable) => Promise<void>;
  /** Reads standard output while the build runs. */
  readonly onOutput?: (stream: Readable) => Promise<void>;
}

/** Scratch in memory where there is enough of it, in a directory on disk otherwise. */
export function scratch(mib: number, paths: StatePaths): { scratch_mib: number; scratch_directory?: string } {
  const inMemory = freemem() / BYTES_PER_MIB >= mib + MEMORY_RESERVE_MIB;
  return inMemory
    ? { scratch_mib: mib }
    : { scratch_mib: mib, scratch_directory: join(paths.building, String(process.pid)) };
}

/** How a build ended, with the last lines it printed. */
export interface GuardedResult extends ProgramExit {
  readonly log: readonly string[];
}

/** Runs a build to its end; raises `cancelled` on abort, `host_unsupported` where namespaces are not to be had. */
export async function runGuarded(build: GuardedBuild): Promise<GuardedResult> {
  const signal = build.signal;
  if (signal?.aborted) throw new PyroError("cancelled", "cancelled before the build started");
  const program = startProgram(findProgram("unshare"), argumentsOf(build), {
    env: build.env ?? {},
    fds: [...(build.fds ?? []), ...(build.onInput === undefined ? [] : (["stream"] as const))],
  });
  const hangUp = () => void program.stdin.end();
  signal?.addEventListener("abort", hangUp, { once: true });
  const log: string[] = [];
  let ready = false;
  const listening = readLines(program.stderr, (line) => {
    if (line === `${MARK}${READY}`) ready = true;
    else if (line.startsWith(MARK)) build.onMark?.(line.slice(MARK.length));
    else {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
      build.onLine?.(line);
    }
  });
  try {
    const reading =
      build.onOutput === undefined ? program.stdout.resume() && undefined : build.onOutput(program.stdout);
    const writing = program.feed === undefined ? undefined : build.onInput?.(program.feed);
    const [exit] = await Promise.all([program.ended, listening, reading, writing]);
    if (signal?.aborted) throw new PyroError("cancelled", "cancelled while building");
    if (!ready) throw unsupported(log, exit);
    return { ...exit, log };
  } finally {
    hangUp();
    signal?.removeEventListener("abort", hangUp);
    await program.ended.catch(() => undefined);
  }
}

function argumentsOf(build: GuardedBuild): string[] {
  const root = process.getuid?.() === 0;
  requirePrograms(root ? ["unshare", "bash"] : ["unshare", "bash", "newuidmap"]);
  return [
    ...(root ? [] : ["--user", "--map-root-user", "--map-auto"]),
    ...["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--mount-proc"],
    ...[findProgram("bash"), "--norc", "--noprofile", "-c", `${build.script}\n${prelude}`, "pyro-build"],
    ...[build.scratch_directory ?? "", String(build.scratch_mib), ...build.args],
  ];
}

function unsupported(log: readonly string[], exit: ProgramExit): PyroError {
  const reason = log.at(-1) ?? `it ended with status ${exit.exit_code ?? exit.signal}`;
  const subordinate = /subuid|subgid|newuidmap|newgidmap/.test(log.join("\n"));
  return new PyroError("host_unsupported", `cannot make the namespaces that builds run in: ${reason}`, {
    ...(subordinate && {
      hint: 'sudo usermod --add-subuids 524288-589823 --add-subgids 524288-589823 "$USER"',
    }),
    details: { log: log.slice(-10) },
  });
}

async function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) onLine(line);
}
