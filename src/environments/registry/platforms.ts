/** Which entries of an index are for linux/amd64, best first. */
import type { IndexEntry } from "./documents.ts";
import { indexTypes, manifestTypes } from "./documents.ts";

/** Platforms that an error lists. */
const MAX_LISTED = 50;

/** Entries to look at, in order: for this platform, the plainest variant first; then indexes; then entries that do not say. */
export function candidates(entries: readonly IndexEntry[]): IndexEntry[] {
  const images = entries.filter((entry) => manifestTypes.includes(entry.mediaType) && !isAttestation(entry));
  const fitting = images.filter(({ platform }) => platform?.os === "linux" && platform.architecture === "amd64");
  const indexes = entries.filter((entry) => indexTypes.includes(entry.mediaType));
  const silent = images.filter(({ platform }) => platform === undefined || platform === null);
  const first = [...fitting].sort((one, other) => variantOf(one).localeCompare(variantOf(other))).slice(0, 1);
  return first.length > 0 ? first : [...indexes, ...silent.slice(0, 1)];
}

/** What an index has, for the error that says that this platform is not there. */
export function platformsOf(entries: readonly IndexEntry[]): string[] {
  const names = entries
    .filter((entry) => !isAttestation(entry))
    .flatMap(({ platform }) => (platform ? [[platform.os, platform.architecture, platform.variant]] : []))
    .map((parts) => parts.filter((part) => part !== undefined && part !== "").join("/"));
  return [...new Set(names)].slice(0, MAX_LISTED);
}

/** Statements about other entries, which builders put beside them. */
function isAttestation({ platform, annotations }: IndexEntry): boolean {
  const is_unknown = platform?.os === "unknown" && platform.architecture === "unknown";
  return is_unknown || annotations?.["vnd.docker.reference.type"] === "attestation-manifest";
}

function variantOf({ platform }: IndexEntry): string {
  return platform?.variant ?? "";
}
