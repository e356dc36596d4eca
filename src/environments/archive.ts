/** Builds a root image from the signed Debian archive: mmdebstrap's tar stream goes straight into sqfstar. */
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import { linkNameless, namelessFile, type OpenFile, remove } from "../platform/files.ts";
import { freeDiskBytes } from "../platform/host.ts";
import { findProgram, requirePrograms } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { BuildProgress, buildError } from "./archive-log.ts";
import type { CatalogEntry } from "./catalog.ts";
import { runGuarded, scratch } from "./guard.ts";
import {
  archiveKeyring,
  mirrorsOf,
  proxySettings,
  publicSourceLines,
  releaseUrls,
  sourceLines,
  type Variables,
} from "./sources.ts";
import { openVerified, rememberPublished } from "./verify.ts";

const BYTES_PER_MIB = 1_048_576;

/** Makes the proxy that the host's apt is set to use the one of private apt directories too. */
export const hostProxy = `
  local host_proxy=; eval "$(apt-config shell host_proxy Acquire::http::Proxy)"
  [ -n "$host_proxy" ] && [ "$host_proxy" != DIRECT ] && export http_proxy=\${http_proxy:-$host_proxy}
`;

// The date of the newest index bounds all timestamps, so that equal packages give an equal image. It is read before
// signatures are checked and influences nothing else. usrmerge is pinned away, and so its Perl, in favour of
// usr-is-merged. Devices are left out: the guest has its own, and an unprivileged user cannot unpack them.
const script = `
build() {
  local suite=$1 keyring=$2 packages=$3 image_sources=$4 epoch=0 date url; shift 4
  ${hostProxy}
  while [ "$1" != -- ]; do
    url=$1; shift
    /usr/lib/apt/apt-helper -oAPT::Sandbox::User=root -oAcquire::Retries=2 -oAcquire::http::Timeout=20 \
      download-file "$url" release >&2 || return 100
    date=$(date -u -d "$(sed -n 's/^Date: //p' release | head -n 1)" +%s) || return 1
    [ "$date" -gt "$epoch" ] && epoch=$date
    rm release
  done
  shift
  echo "pyro: epoch $epoch" >&2
  export SOURCE_DATE_EPOCH=$epoch
  mmdebstrap --verbose --mode=root --variant=minbase --format=tar --architectures=amd64 \
    --skip=chroot/mount/sys --keyring="$keyring" --include="$packages" \
    --setup-hook='/bin/sh /usr/share/mmdebstrap/hooks/merged-usr/setup00.sh "$1"' \
    --setup-hook='mkdir -p "$1/etc/apt/preferences.d"; printf "Package: usrmerge\\nPin: release *\\nPin-Priority: -1\\n" > "$1/etc/apt/preferences.d/pyro"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "2"' --aptopt='Acquire::http::Timeout "20"' \
    --customize-hook='cd "$1" && rm -f etc/apt/preferences.d/pyro etc/resolv.conf etc/hostname etc/hosts var/log/*.log var/log/apt/* var/cache/debconf/*-old' \
    --customize-hook='echo pyro > "$1/etc/hostname"; printf "127.0.0.1 localhost pyro\\n::1 localhost\\n" > "$1/etc/hosts"' \
    --customize-hook='mkdir -p "$1/workspace"; : > "$1/etc/machine-id"; : > "$1/etc/resolv.conf"' \
    --customize-hook='echo "pyro: packages $(grep -c "^Package:" "$1/var/lib/dpkg/status")" >&2' \
    --customize-hook="printf '%s' '$image_sources' > \\"\\$1/etc/apt/sources.list\\"" \
    "$suite" - "$@" 3>&- |
    sqfstar -comp lz4 -force -quiet -no-progress -exit-on-error -root-mode 0755 -root-uid 0 -root-gid 0 \
      -root-time "$epoch" /proc/self/fd/3 'dev/*' >&2
}
`;

/** A root image that was built and published. */
export interface BuiltImage {
  readonly sha256: string;
  readonly size_bytes: number;
  readonly package_count: number;
  readonly mirror: string;
  readonly release_date: string;
}

/** What a build needs besides the entry. */
export interface BuildOptions {
  readonly env: Variables;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Builds the entry's image and publishes it as `images/<sha256>.squashfs`. */
export async function buildImage(entry: CatalogEntry, paths: StatePaths, options: BuildOptions): Promise<BuiltImage> {
  requirePrograms(["mmdebstrap", "sqfstar", "apt-get"]);
  const mirrors = mirrorsOf(options.env);
  requireSpace(entry, paths);
  const file = namelessFile(paths.images);
  const progress = new BuildProgress(options.emit);
  const marks = new Map<string, number>();
  try {
    const result = await runGuarded({
      script: script.replaceAll("mmdebstrap --verbose", `${findProgram("mmdebstrap")} --verbose`),
      args: [
        ...[entry.suite, archiveKeyring(), entry.packages.join(",")],
        publicSourceLines(entry.suite)
          .map((line) => `${line}\n`)
          .join(""),
        ...releaseUrls(entry.suite, mirrors),
        "--",
        ...sourceLines(entry.suite, mirrors),
      ],
      fds: [file.fd],
      ...scratch(entry.scratch_mib, paths),
      env: proxySettings(options.env),
      signal: options.signal,
      onLine: (line) => progress.line(line),
      onMark: (words) => {
        const [name, value] = words.split(" ");
        marks.set(name ?? "", Number(value));
      },
    });
    if (result.exit_code !== 0) throw buildError(result.log, `"${entry.name}"`, paths.cache);
    const sha256 = await file.sha256(options.signal);
    await publishImage(file, sha256, paths);
    return {
      sha256,
      size_bytes: file.size(),
      package_count: marks.get("packages") ?? 0,
      mirror: mirrors.mirror,
      release_date: new Date((marks.get("epoch") ?? 0) * 1000).toISOString(),
    };
  } finally {
    file.close();
  }
}

/** Refuses before any work is done for which the disk has no room. */
function requireSpace(entry: CatalogEntry, paths: StatePaths): void {
  const free = Math.floor(freeDiskBytes(paths.images) / BYTES_PER_MIB);
  if (free >= entry.image_mib) return;
  const message = `"${paths.images}" has ${free} MiB left, and "${entry.name}" needs ${entry.image_mib} MiB`;
  throw new PyroError("host_disk_full", message, {
    details: { path: paths.images, free_mib: free, needed_mib: entry.image_mib },
  });
}

/** Equal packages give an equal image: a whole one stays, a damaged one is replaced. */
export async function publishImage(file: OpenFile, sha256: string, paths: StatePaths): Promise<void> {
  const path = paths.image(sha256);
  const published = await openVerified(path, sha256, paths);
  if (published.state === "whole") return published.file.close();
  if (published.state === "damaged") remove(path);
  file.chmod(0o400);
  await linkNameless(file, path);
  rememberPublished(path, sha256, paths);
}
