/** The cage around a VMM: bubblewrap with new namespaces, no network, no capabilities, and only the VMM's own files in sight. */

import { PyroError } from "../contract/errors.ts";
import type { MachineEnd } from "./machine.ts";

/** Host paths that a dynamically linked program needs to start; those that do not exist are skipped. */
const loaderPaths = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"] as const;

/** Where the agent is in a cage. */
const AGENT = "/tmp/agent";

export interface CageSpec {
  /** Absolute path of the program in the cage, the same inside and outside */
  readonly program: string;
  readonly args: readonly string[];
  /** Further read-only paths, the same inside and outside; skipped where they do not exist */
  readonly readOnly: readonly string[];
  /** Device nodes that stay usable */
  readonly devices: readonly string[];
  /** A socket to us without which the program does not begin, and the agent that looks at it */
  readonly attended?: { readonly agent: string; readonly fd: number };
}

/** Arguments for `bwrap` that run `spec.program` caged. */
export function cageArgs(spec: CageSpec): string[] {
  return [
    ...walls,
    "--tmpfs",
    "/tmp",
    ...[...loaderPaths, ...spec.readOnly, spec.program].flatMap((path) => ["--ro-bind-try", path, path]),
    ...spec.devices.flatMap((path) => ["--dev-bind", path, path]),
    ...(spec.attended === undefined ? [] : ["--ro-bind", spec.attended.agent, AGENT]),
    "--remount-ro",
    "/",
    "--chdir",
    "/",
    // The program asks for its parent's death signal itself; a process of bubblewrap's between them could miss it.
    "--as-pid-1",
    "--",
    ...(spec.attended === undefined ? [] : [AGENT, "attend", String(spec.attended.fd)]),
    spec.program,
    ...spec.args,
  ];
}

/** The walls every cage has: all namespaces, a session of its own, no capabilities, no environment, death with its parent. */
export const walls: readonly string[] = [
  "--unshare-user",
  "--unshare-ipc",
  "--unshare-pid",
  "--unshare-net",
  "--unshare-uts",
  "--unshare-cgroup-try",
  "--die-with-parent",
  "--new-session",
  "--cap-drop",
  "ALL",
  "--clearenv",
  "--proc",
  "/proc",
  "--dev",
  "/dev",
];

/** The error for a cage that could not be built; undefined where something else ended the machine. */
export function cageError(end: MachineEnd): PyroError | undefined {
  const why = end.vmm_tail.trim().split("\n").at(-1) ?? "";
  if (!why.startsWith("bwrap: ")) return undefined;
  return new PyroError("cage_unavailable", `bubblewrap could not build the cage: ${why.slice("bwrap: ".length)}`, {
    hint: "Allow unprivileged user namespaces: see user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns in sysctl",
    details: { vmm_tail: end.vmm_tail },
  });
}
