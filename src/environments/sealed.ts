/** Cached files of our own making: each has a record of its hash beside it, written after it. */
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { atomicWrite, linkNameless, type OpenFile, readJson, remove } from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";
import { openVerified, rememberPublished } from "./verify.ts";

const sealRecord = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** The hash that a sealed file must have; undefined where its record is absent or damaged. */
export function sealedHash(path: string, paths: StatePaths): string | undefined {
  const record = readJson(paths.seal(path), sealRecord);
  return record.state === "whole" ? record.value.sha256 : undefined;
}

/** Opens a sealed file; undefined where it is absent or not whole. */
export async function openSealed(path: string, paths: StatePaths, signal?: AbortSignal): Promise<OpenFile | undefined> {
  const sha256 = sealedHash(path, paths);
  if (sha256 === undefined) return undefined;
  const verified = await openVerified(path, sha256, paths, signal);
  return verified.state === "whole" ? verified.file : undefined;
}

/** Publishes a nameless file under a name and seals it; what was there before is replaced. */
export async function publishSealed(file: OpenFile, path: string, paths: StatePaths): Promise<OpenFile> {
  const sha256 = await file.sha256();
  file.chmod(0o400);
  remove(paths.seal(path));
  remove(path);
  await linkNameless(file, path);
  rememberPublished(path, sha256, paths);
  atomicWrite(paths.seal(path), `${JSON.stringify({ sha256 })}\n`);
  const opened = await openSealed(path, paths);
  if (opened !== undefined) return opened;
  throw new PyroError("environment_damaged", `"${path}" changed while it was written`);
}
