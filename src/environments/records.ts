/** Records of installed environments: one JSON file each, and what the product says about an environment. */
import { join } from "node:path";
import { z } from "zod";
import { cleanText } from "../contract/text.ts";
import { atomicWrite, listDirectory, type ReadRecord, readJson } from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";

const DIGEST_PREFIX = "sha256:";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const archiveSource = z.strictObject({ kind: z.literal("debian-archive"), suite: z.string(), mirror: z.string() });

const source = z.discriminatedUnion("kind", [
  archiveSource,
  /** From a registry; `digest` is that of the manifest, which pins the image whatever becomes of its tag */
  z.strictObject({ kind: z.literal("registry"), reference: z.string(), served_by: z.string(), digest }),
  /** From a file of this machine */
  z.strictObject({ kind: z.literal("image-archive"), path: z.string(), digest }),
]);

/** What an image says of itself beside its variables: shown, and not followed. */
const imageFacts = z.strictObject({
  /** Of the manifest */
  digest,
  /** Of the index that led to it; null where there was none */
  index_digest: digest.nullable(),
  /** Lowest first */
  layers: z.array(z.strictObject({ digest, size_bytes: z.int().min(0), media_type: z.string(), diff_id: digest })),
  user: z.string(),
  working_dir: z.string(),
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  exposed_ports: z.array(z.string()),
  created: z.string().nullable(),
});

const common = {
  name: z.string(),
  /** Of the root image's file */
  digest,
  size_bytes: z.int().min(0),
  env: z.record(z.string(), z.string()),
  created_at: z.string(),
  pyro_version: z.string(),
};

const present = z.strictObject({
  schema_version: z.literal(2),
  ...common,
  source,
  /** Date of the newest archive index it was built from; null where it was not */
  release_date: z.string().nullable(),
  package_count: z.int().min(0).nullable(),
  /** Null where it was built from the archive */
  image: imageFacts.nullable(),
});

export type InstalledEnvironment = Readonly<z.infer<typeof present>>;
export type EnvironmentSource = Readonly<z.infer<typeof source>>;
export type ImageFacts = Readonly<z.infer<typeof imageFacts>>;

/** Every environment came from the archive. */
const first = z
  .strictObject({
    schema_version: z.literal(1),
    ...common,
    source: archiveSource,
    release_date: z.string(),
    package_count: z.int().min(0),
  })
  .transform((record): z.infer<typeof present> => ({ ...record, schema_version: 2, image: null }));

const environmentRecord = z.union([present, first]);

/** An image that was installed under a name. */
export interface EnvironmentImage {
  readonly name: string;
  /** `sha256:` and the hash of its file */
  readonly digest: string;
  /** Variables of every command */
  readonly env: Readonly<Record<string, string>>;
}

/** An environment that can be used by name, installed or not. */
export interface EnvironmentSummary {
  readonly name: string;
  readonly description: string;
  readonly installed: boolean;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  readonly source: EnvironmentSource | null;
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

/** Longest description, in characters. */
const SHOWN = 120;

/** What an image says that it is, made fit for one line. */
export function descriptionOf({ source, image }: InstalledEnvironment): string {
  const labels = image?.labels ?? {};
  const said = labels["org.opencontainers.image.description"] ?? labels["org.opencontainers.image.title"] ?? "";
  const line = cleanText(said).replace(/\s+/g, " ").trim();
  if (line !== "") return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
  return source.kind === "image-archive" ? `Image from ${source.path}` : "Image from a registry";
}

/** What is said about an environment. */
export function summaryOf(
  { name, description }: { readonly name: string; readonly description: string },
  installed: InstalledEnvironment | undefined,
): EnvironmentSummary {
  return {
    name,
    description,
    installed: installed !== undefined,
    digest: installed?.digest ?? null,
    size_bytes: installed?.size_bytes ?? null,
    source: installed?.source ?? null,
    created_at: installed?.created_at ?? null,
  };
}
