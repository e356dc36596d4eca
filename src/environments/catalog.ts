/** The environments that pyro knows by name; names are stable. */

/** One environment of the catalog. */
export interface CatalogEntry {
  readonly name: string;
  readonly description: string;
  /** The project's own image of it; the user's configuration can name another */
  readonly reference: string;
  readonly suite: string;
  /** Packages asked for besides the essential ones. */
  readonly packages: readonly string[];
  /** Space that its root image takes, with room to grow, in `MiB`. */
  readonly image_mib: number;
  /** Scratch space that building it needs, in `MiB`. */
  readonly scratch_mib: number;
}

const basePackages = ["ca-certificates"] as const;

const agentPackages = [
  ...basePackages,
  ...["git", "curl", "wget", "openssh-client", "rsync"],
  ...["python3", "python3-venv", "python3-pip", "make"],
  ...["less", "procps", "file", "patch", "tree", "jq", "ripgrep"],
  ...["unzip", "zip", "xz-utils", "bzip2"],
] as const;

const buildPackages = [
  ...agentPackages,
  ...["build-essential", "pkg-config", "cmake", "ninja-build", "autoconf", "automake", "libtool"],
  ...["python3-dev", "libssl-dev", "libffi-dev", "zlib1g-dev"],
] as const;

/** Suite of the Debian archive that the catalog is built from. */
export const archiveSuite = "bookworm";

/** Environment used where none is named. */
export const defaultEnvironment = "debian:12";

/** The catalog, default first. */
export const catalog: readonly CatalogEntry[] = [
  {
    name: "debian:12",
    description: "Debian 12 with Git, Python and the usual agent tools",
    reference: "ghcr.io/pyro-mcp/debian:12",
    suite: archiveSuite,
    packages: agentPackages,
    image_mib: 160,
    scratch_mib: 768,
  },
  {
    name: "debian:12-base",
    description: "Debian 12, minimal",
    reference: "ghcr.io/pyro-mcp/debian:12-base",
    suite: archiveSuite,
    packages: basePackages,
    image_mib: 64,
    scratch_mib: 512,
  },
  {
    name: "debian:12-build",
    description: "Debian 12 with Git, Python and common build tools",
    reference: "ghcr.io/pyro-mcp/debian:12-build",
    suite: archiveSuite,
    packages: buildPackages,
    image_mib: 400,
    scratch_mib: 1536,
  },
];

/** Variables that every command in a catalog environment starts with. */
export const defaultVariables: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  LOGNAME: "root",
  SHELL: "/bin/bash",
  LANG: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
};

/** Known names within a few typing errors of this one, nearest first. */
export function nearestNames(name: string): string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  return catalog
    .map((entry) => ({ name: entry.name, distance: editDistance(name.toLowerCase(), entry.name) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .map((candidate) => candidate.name);
}

/** Number of single-character insertions, deletions and replacements between two words. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
