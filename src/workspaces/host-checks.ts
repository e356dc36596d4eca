/** What `pyro doctor` looks at before any guest is tried: platform, programs, agent, cache, disk space. */
import { toPyroError } from "../contract/errors.ts";
import { archiveKeyring } from "../environments/sources.ts";
import { freeDiskBytes, hostFacts } from "../platform/host.ts";
import { findProgram, type ProgramName, requirePrograms, runProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { guestAgent } from "../vmm/guest-agent.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed" | "not_tried";
  readonly detail: string;
  readonly remedy: string | null;
}

const GIB = 1_073_741_824;
/** Free space below which a pull is likely to fail, in bytes. */
const LOW_DISK_BYTES = 3 * GIB;
const VERSION_MS = 10_000;

/** Programs without which nothing runs. */
const runPrograms: readonly ProgramName[] = ["qemu-system-x86_64", "qemu-img", "bwrap", "mke2fs", "flock", "ln"];
/** Programs that a pull needs. */
const pullPrograms: readonly ProgramName[] = ["mmdebstrap", "sqfstar", "dpkg-deb", "apt-get", "unshare", "bash"];

/** The checks, each made whatever the others gave; what pulls need is a must where `needs_pull`. */
export async function hostChecks(paths: StatePaths, needs_pull: boolean, signal: AbortSignal): Promise<Check[]> {
  const forPulls = needs_pull ? "failed" : "warning";
  return [
    platformCheck(),
    programsCheck("host programs", runPrograms, "failed"),
    programsCheck("programs for pulls", pullPrograms, forPulls),
    attempt("archive keyring", archiveKeyring, forPulls),
    await versionCheck("VMM", "qemu-system-x86_64", signal),
    await versionCheck("bubblewrap", "bwrap", signal),
    attempt("guest agent", () => `build ${guestAgent().build}`),
    attempt("cache", () => {
      paths.prepareCache();
      return paths.cache;
    }),
    attempt("disk space", () => diskDetail(paths), "warning"),
  ];
}

function platformCheck(): Check {
  const { platform, architecture, kernel, memory_total_bytes } = hostFacts();
  const detail = `${platform} ${architecture}, kernel ${kernel}, ${Math.round(memory_total_bytes / GIB)} GiB of memory, Node ${process.versions.node}`;
  const supported = platform === "linux" && architecture === "x64";
  return {
    name: "platform",
    state: supported ? "ok" : "failed",
    detail,
    remedy: supported ? null : "Use a Linux x86_64 machine",
  };
}

function programsCheck(name: string, programs: readonly ProgramName[], otherwise: "failed" | "warning"): Check {
  return attempt(
    name,
    () => {
      requirePrograms(programs);
      return programs.join(" ");
    },
    otherwise,
  );
}

async function versionCheck(name: string, program: ProgramName, signal: AbortSignal): Promise<Check> {
  try {
    const { stdout } = await runProgram(findProgram(program), ["--version"], { signal, timeout_ms: VERSION_MS });
    return { name, state: "ok", detail: stdout.split("\n")[0] ?? "", remedy: null };
  } catch (thrown) {
    return problem(name, thrown, "failed");
  }
}

function diskDetail(paths: StatePaths): string {
  const free = freeDiskBytes(paths.cache);
  const detail = `${(free / GIB).toFixed(1)} GiB free at ${paths.cache}`;
  if (free < LOW_DISK_BYTES) throw new Error(`${detail}, less than the ${LOW_DISK_BYTES / GIB} GiB a pull may take`);
  return detail;
}

function attempt(name: string, look: () => string, otherwise: "failed" | "warning" = "failed"): Check {
  try {
    return { name, state: "ok", detail: look(), remedy: null };
  } catch (thrown) {
    return problem(name, thrown, otherwise);
  }
}

function problem(name: string, thrown: unknown, state: "failed" | "warning"): Check {
  const error = toPyroError(thrown);
  return {
    name,
    state,
    detail: error.message,
    remedy: error.code === "internal_error" ? "pyro env prune" : error.hint,
  };
}
