/**
 * A cage in which git makes a clone of a pack from a stranger: no network, no home, no file of the host but the programs themselves, all it
 * writes in memory of its own. The pack goes in on standard input; one tar archive comes out, the Git directory first, then the commit's tree.
 */
import { availableMemoryBytes } from "../../platform/host.ts";
import { findProgram, type RunningProgram, requirePrograms, startProgram } from "../../platform/programs.ts";
import { walls } from "../../vmm/cage.ts";
import { quietGit } from "../seed/git-listing.ts";
import type { CloneLimits } from "./limits.ts";
import type { ObjectFormat } from "./repo-ref.ts";

const MIB = 1_048_576;
/** What git writes beside the pack: its index, the checkout's index, refs */
const ROOM_BYTES = 512 * MIB;
const TMP_BYTES = 16 * MIB;
const loaderPaths = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"];
const programs = ["bash", "git", "tar", "head", "mkdir"] as const;

/** Defects that many an old repository has, and that harm nobody. */
const tolerated = [
  "badTimezone",
  "badDateOverflow",
  "missingEmail",
  "missingNameBeforeEmail",
  "missingSpaceBeforeEmail",
  "missingSpaceBeforeDate",
  "zeroPaddedDate",
  "zeroPaddedFilemode",
  "badFilemode",
  "gitmodulesParse",
];

/** Marks, on standard error, how far it came. */
export const WHOLE = "pyro: the pack is whole";
export const CHOSEN = "pyro: the commit is there";
export const CROWDED = "pyro: there are too many files";

/** Of the commit's tree, attributes that would change what is archived do not count. */
const script = `
set -eu -o pipefail
ulimit -c 0
ulimit -v "$1"
format=$2 id=$3 ref=$4 url=$5 shallow=$6 strict=$7 most=$8 entries=$9
export HOME=/nonexistent
g() { git -c core.fsync=none -c core.packedGitWindowSize=32m -c core.packedGitLimit=256m -c core.deltaBaseCacheLimit=64m \
  -c core.bigFileThreshold=32m -c core.logAllRefUpdates=false -c gc.auto=0 -c pack.threads=2 -c tar.umask=0022 "$@"; }
g init -q --template= --object-format="$format" --initial-branch=pyro-none /clone
cd /clone
[ -z "$shallow" ] || printf '%s\\n' $shallow >.git/shallow
g index-pack --stdin --strict="$strict" --max-input-size="$most" >/dev/null
echo "${WHOLE}" >&2
exec </dev/null
commit=$(g rev-parse --verify --quiet --end-of-options "$id^{commit}")
echo "${CHOSEN}" >&2
# A few trees that name each other again and again would fill an index without an end.
more=$(g ls-tree -r -t --name-only "$commit" | { head -n "$entries" >/dev/null; head -c 1; } || :)
[ -z "$more" ] || { echo "${CROWDED}" >&2; exit 1; }
g config remote.origin.url "$url"
g config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
case $ref in
refs/heads/*)
  name=\${ref#refs/heads/}
  g update-ref "$ref" "$commit"
  g update-ref "refs/remotes/origin/$name" "$commit"
  g symbolic-ref HEAD "$ref"
  g config "branch.$name.remote" origin
  g config "branch.$name.merge" "$ref" ;;
refs/tags/*)
  g update-ref "$ref" "$id"
  g update-ref --no-deref HEAD "$commit" ;;
*) g update-ref --no-deref HEAD "$commit" ;;
esac
g read-tree "$commit"
tar -c -b1 --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 .git | head -c -1024
mkdir -p .git/info
echo '* -export-ignore -export-subst' >.git/info/attributes
g archive --format=tar "$commit"
`;

/** What is cloned. */
export interface CloneSpec {
  readonly format: ObjectFormat;
  /** Object that was asked for: a commit, or a tag of one */
  readonly id: string;
  /** Full name of its ref; null where it has none */
  readonly ref: string | null;
  /** Address that the clone names as its origin */
  readonly url: string;
  readonly shallow: readonly string[];
}

/** Raises `host_program_missing` where something that the cage needs is not installed. */
export function requireCloning(): void {
  requirePrograms(["bwrap", ...programs]);
}

/** The limits of a clone, and of the tree that it has. */
interface CageLimits extends CloneLimits {
  readonly entries: number;
}

/** Starts the cage, which ends with this process or with `signal`. */
export function startClone(spec: CloneSpec, limits: CageLimits, signal: AbortSignal): RunningProgram {
  requireCloning();
  return startProgram(findProgram("bwrap"), cageArgs(spec, limits), { signal });
}

/** Bytes that a pack may have on this host at the moment: it lies in memory until the seed is read. */
export function packRoom({ pack_bytes }: CloneLimits): number {
  const available = availableMemoryBytes();
  return available === undefined ? pack_bytes : Math.min(pack_bytes, Math.floor(available / 2));
}

function cageArgs(spec: CloneSpec, limits: CageLimits): string[] {
  const bash = findProgram("bash");
  const bound = [...loaderPaths, ...programs.map(findProgram)];
  const path = [...new Set(programs.map((name) => findProgram(name).replace(/\/[^/]*$/, "")))].join(":");
  const variables = { ...quietGit, PATH: path, LC_ALL: "C.UTF-8", TMPDIR: "/tmp" };
  return [
    ...walls,
    ...["--uid", "65534", "--gid", "65534"],
    ...["--size", String(packRoom(limits) + ROOM_BYTES), "--tmpfs", "/clone"],
    ...["--size", String(TMP_BYTES), "--tmpfs", "/tmp"],
    ...bound.flatMap((each) => ["--ro-bind-try", each, each]),
    ...Object.entries(variables).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--remount-ro", "/", "--chdir", "/clone", "--"],
    ...[bash, "--norc", "--noprofile", "-c", script, "pyro-clone"],
    ...[String(limits.memory_bytes / 1024), spec.format, spec.id, spec.ref ?? "", spec.url, spec.shallow.join(" ")],
    ...[tolerated.map((name) => `${name}=warn`).join(","), String(packRoom(limits)), String(limits.entries)],
  ];
}
