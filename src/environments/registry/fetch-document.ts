/** Fetches the small documents of an image, whole and checked against their digests. */
import { createHash } from "node:crypto";
import type { Emit } from "../../contract/progress.ts";
import type { RegistryClient } from "./client.ts";
import {
  type Descriptor,
  type ImageDocument,
  indexTypes,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  manifestTypes,
  readDocument,
  unsupported,
} from "./documents.ts";
import { lied, refusal } from "./refusals.ts";
import { persist } from "./retries.ts";
import { type Answer, drop, readBody } from "./transport.ts";

/** Who is asked, for what, and for how long. */
export interface Asking {
  readonly client: RegistryClient;
  readonly repository: string;
  /** Full name of the image, for errors */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly emit?: Emit | undefined;
  readonly tries?: number | undefined;
}

export interface FetchedDocument {
  readonly digest: string;
  readonly document: ImageDocument;
}

/** What the one who named a document said of it. */
export type Expected = Pick<Descriptor, "digest"> & Partial<Pick<Descriptor, "size" | "mediaType">>;

const ACCEPTED = [...indexTypes, ...manifestTypes].join(", ");

/** `sha256:` and the hash. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The scope in which an image is read. */
export function readScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/** Fetches an index or a manifest by its tag or digest. */
export async function fetchManifest(
  asking: Asking,
  reference: string,
  expected: Expected | undefined,
): Promise<FetchedDocument> {
  const { client, repository, name } = asking;
  const path = `/v2/${repository}/manifests/${reference}`;
  const { answer, body } = await fetchSmall(
    asking,
    path,
    { accept: ACCEPTED },
    MAX_MANIFEST_BYTES,
    `manifest of "${name}"`,
  );
  const digest = checkContent(client.host, `the manifest of "${name}"`, body, expected);
  const claimed = answer.headers["docker-content-digest"];
  if (claimed !== undefined && claimed !== digest)
    throw lied(
      client.host,
      `says that the manifest of "${name}" is ${claimed.slice(0, 100)}, and sent ${digest}`,
      "digest",
    );
  const type = (answer.headers["content-type"] ?? "").replace(/;.*$/s, "").trim().toLowerCase();
  if (expected?.mediaType !== undefined && expected.mediaType !== type)
    throw lied(client.host, `sent "${type}" for "${name}", where "${expected.mediaType}" was promised`, "type");
  if (!type.startsWith("application/vnd."))
    throw lied(client.host, `sent "${type}" when asked for the manifest of "${name}"`, "type");
  return { digest, document: readDocument(body, type, `"${name}"`) };
}

/** Fetches the configuration of an image. */
export async function fetchConfig(asking: Asking, expected: Descriptor): Promise<Buffer> {
  const { client, repository, name } = asking;
  const path = `/v2/${repository}/blobs/${expected.digest}`;
  const { body } = await fetchSmall(asking, path, {}, MAX_CONFIG_BYTES, `configuration of "${name}"`);
  checkContent(client.host, `the configuration of "${name}"`, body, expected);
  return body;
}

function checkContent(host: string, what: string, body: Buffer, expected: Expected | undefined): string {
  const digest = digestOf(body);
  if (expected?.size !== undefined && expected.size !== body.length)
    throw lied(host, `sent ${body.length} bytes for ${what}, where ${expected.size} were promised`, "size");
  if (expected !== undefined && expected.digest !== digest)
    throw lied(host, `sent ${digest} for ${what}, where ${expected.digest} was asked for`, "digest");
  return digest;
}

async function fetchSmall(
  asking: Asking,
  path: string,
  headers: Readonly<Record<string, string>>,
  max_bytes: number,
  what: string,
): Promise<{ readonly answer: Answer; readonly body: Buffer }> {
  const { client, repository, signal, emit, tries } = asking;
  const request = { method: "GET", path, headers, scopes: [readScope(repository)], what, signal, emit } as const;
  return await persist({ signal, surroundings: client.transport.surroundings, tries }, async () => {
    const answer = await client.send(request);
    if (answer.status !== 200) throw await refusal(answer, what, signal);
    const tooLarge = () => unsupported(`the ${what} has more than ${max_bytes} bytes`, { max_bytes });
    if (Number(answer.headers["content-length"] ?? 0) > max_bytes) {
      drop(answer);
      throw tooLarge();
    }
    const body = await readBody(answer, max_bytes, signal);
    if (body === undefined) throw tooLarge();
    return { answer, body };
  });
}
