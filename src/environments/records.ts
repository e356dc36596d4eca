/** Records of installed environments: one JSON file each, and what the product says about an environment. */
import { join } from "node:path";
import { z } from "zod";
import { atomicWrite, listDirectory, type ReadRecord, readJson } from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";
import type { CatalogEntry } from "./catalog.ts";

const DIGEST_PREFIX = "sha256:";

const environmentRecord = z.strictObject({
  schema_version: z.literal(1),
  name: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size_bytes: z.int().min(0),
  source: z.strictObject({ kind: z.literal("debian-archive"), suite: z.string(), mirror: z.string() }),
  /** Date of the newest archive index it was built from. */
  release_date: z.string(),
  package_count: z.int().min(0),
  env: z.record(z.string(), z.string()),
  created_at: z.string(),
  pyro_version: z.string(),
});

/** An environment in the cache. */
export type InstalledEnvironment = z.infer<typeof environmentRecord>;

/** An image that was installed under a name. */
export interface EnvironmentImage {
  readonly name: string;
  /** `sha256:` and the hash of its file */
  readonly digest: string;
  /** Variables of every command */
  readonly env: Readonly<Record<string, string>>;
}

/** An environment of the catalog, installed or not. */
export interface EnvironmentSummary {
  readonly name: string;
  readonly description: string;
  readonly installed: boolean;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  readonly source: InstalledEnvironment["source"] | null;
  readonly created_at: string | null;
}

/** The hash that an image's file must have. */
export function imageHash(environment: Pick<EnvironmentImage, "digest">): string {
  return environment.digest.slice(DIGEST_PREFIX.length);
}

/** Reads the record of an environment. */
export function readEnvironment(name: string, paths: StatePaths): ReadRecord<InstalledEnvironment> {
  const record = readJson(paths.environmentRecord(name), environmentRecord);
  if (record.state !== "whole" || record.value.name === name) return record;
  return { state: "damaged", reason: `it is the record of "${record.value.name}"` };
}

/** Reads every record, with its path. */
export function readEnvironments(paths: StatePaths): { path: string; record: ReadRecord<InstalledEnvironment> }[] {
  return listDirectory(paths.environments).map((file) => {
    const path = join(paths.environments, file);
    return { path, record: readJson(path, environmentRecord) };
  });
}

/** Replaces the record of an environment. */
export function writeEnvironment(environment: InstalledEnvironment, paths: StatePaths): void {
  atomicWrite(paths.environmentRecord(environment.name), `${JSON.stringify(environment, null, 2)}\n`);
}

/** What is said about an entry. */
export function summaryOf(entry: CatalogEntry, installed: InstalledEnvironment | undefined): EnvironmentSummary {
  return {
    name: entry.name,
    description: entry.description,
    installed: installed !== undefined,
    digest: installed?.digest ?? null,
    size_bytes: installed?.size_bytes ?? null,
    source: installed?.source ?? null,
    created_at: installed?.created_at ?? null,
  };
}
