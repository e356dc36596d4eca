/** The cage around a VMM: bubblewrap with new namespaces, no network, no capabilities, and only the VMM's own files in sight. */

/** Host paths that a dynamically linked program needs to start; those that do not exist are skipped. */
const loaderPaths = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"] as const;

export interface CageSpec {
  /** Absolute path of the program in the cage, the same inside and outside */
  readonly program: string;
  readonly args: readonly string[];
  /** Further read-only paths, the same inside and outside; skipped where they do not exist */
  readonly readOnly: readonly string[];
  /** Device nodes that stay usable */
  readonly devices: readonly string[];
}

/** Arguments for `bwrap` that run `spec.program` caged. */
export function cageArgs(spec: CageSpec): string[] {
  return [
    ...walls,
    "--tmpfs",
    "/tmp",
    ...[...loaderPaths, ...spec.readOnly, spec.program].flatMap((path) => ["--ro-bind-try", path, path]),
    ...spec.devices.flatMap((path) => ["--dev-bind", path, path]),
    "--remount-ro",
    "/",
    "--chdir",
    "/",
    "--",
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
