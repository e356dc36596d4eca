/** Values of secrets on disk: sealed with a key of the user's own (AES-256-GCM), readable for nobody who has only a part of this user's files. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { z } from "zod";
import { PyroError, toPyroError } from "../../contract/errors.ts";
import { atomicWrite, openReadOnly, readJson } from "../../platform/files.ts";
import { isPrivate, makeOnce } from "../../platform/named-files.ts";
import type { StatePaths } from "../../store/paths.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** What is sealed is filled up to a multiple of this, in bytes, so that its length says little of the values'. */
const PADDED_BYTES = 4096;

/** One secret with its value. */
export interface Secret {
  readonly name: string;
  readonly value: Buffer;
}

const sealedDocument = z.strictObject({
  schema_version: z.literal(1),
  cipher: z.literal(CIPHER),
  nonce: z.base64(),
  tag: z.base64(),
  data: z.base64(),
});

const content = z.array(z.strictObject({ name: z.string(), value: z.base64() }));

/** Which file of which workspace. */
export interface SealedPlace {
  readonly paths: StatePaths;
  readonly workspace_id: string;
}

/** Writes the values down, durably; makes the key where there is none. */
export function sealSecrets(place: SealedPlace, secrets: readonly Secret[]): void {
  makeOnce(place.paths.secretsKey, randomBytes(KEY_BYTES), place.paths.staging);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(place), nonce).setAAD(boundTo(place));
  const text = JSON.stringify(secrets.map(({ name, value }) => ({ name, value: value.toString("base64") })));
  const padded = text.padEnd(Math.ceil(text.length / PADDED_BYTES) * PADDED_BYTES);
  const data = Buffer.concat([cipher.update(padded, "utf8"), cipher.final()]);
  const document: z.infer<typeof sealedDocument> = {
    schema_version: 1,
    cipher: CIPHER,
    nonce: nonce.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
    data: data.toString("base64"),
  };
  atomicWrite(fileOf(place), JSON.stringify(document));
}

/** The values that were written down under these names. Throws `secrets_unreadable`. */
export function unsealSecrets(place: SealedPlace, names: readonly string[]): Secret[] {
  const read = attempted(place, () => readJson(fileOf(place), sealedDocument));
  if (read.state !== "whole")
    throw unreadable(place, read.state === "absent" ? "their file is not there" : "their file is damaged");
  const key = keyOf(place);
  const secrets = opened(place, key, read.value);
  const isExpected = secrets?.map(({ name }) => name).join() === names.join();
  if (secrets === undefined || !isExpected) throw unreadable(place, "their file, or its key, is not what it was");
  return secrets;
}

/** Whatever keeps a file from being read, its secrets cannot be opened. */
function attempted<T>(place: SealedPlace, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw unreadable(place, toPyroError(thrown).message);
  }
}

/** Undefined where the key is another, or a single bit of the file. */
function opened(place: SealedPlace, key: Buffer, sealed: z.infer<typeof sealedDocument>): Secret[] | undefined {
  try {
    const nonce = Buffer.from(sealed.nonce, "base64");
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: 16 }).setAAD(boundTo(place));
    decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
    const text = Buffer.concat([decipher.update(sealed.data, "base64"), decipher.final()]).toString("utf8");
    return content.parse(JSON.parse(text)).map(({ name, value }) => ({ name, value: Buffer.from(value, "base64") }));
  } catch {
    return undefined;
  }
}

/** A key that others may read is not used: whoever has it may have the values. */
function keyOf(place: SealedPlace): Buffer {
  const { secretsKey, uid } = place.paths;
  const file = attempted(place, () => openReadOnly(secretsKey));
  if (file === undefined) throw unreadable(place, `the key "${secretsKey}" is not there`);
  try {
    if (!isPrivate(file, uid))
      throw unreadable(
        place,
        `others may read or replace the key "${secretsKey}"`,
        `Replace the secrets if others can have read it, then: chmod 600 ${secretsKey}`,
      );
    if (file.size() !== KEY_BYTES) throw unreadable(place, `the key "${secretsKey}" is damaged`);
    return file.readAll();
  } finally {
    file.close();
  }
}

const fileOf = ({ paths, workspace_id }: SealedPlace): string => paths.partsOf(workspace_id).secrets;

/** A file that was copied from another workspace is none of this one. */
const boundTo = ({ workspace_id }: SealedPlace): Buffer => Buffer.from(`pyro secrets of ${workspace_id}`);

function unreadable({ workspace_id }: SealedPlace, why: string, hint?: string): PyroError {
  return new PyroError("secrets_unreadable", `The secrets of "${workspace_id}" cannot be opened: ${why}`, {
    ...(hint !== undefined && { hint }),
    details: { workspace_id },
  });
}
