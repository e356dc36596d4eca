/** Writes images to a registry: blobs that it does not have yet, and then the manifest that names them. */
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import type { OpenFile } from "../../platform/files.ts";
import type { RegistryClient } from "./client.ts";
import { digestOf, readScope } from "./fetch-document.ts";
import { type ImageReference, referenceName } from "./reference.ts";
import { lied, refusal } from "./refusals.ts";
import { persist } from "./retries.ts";
import { type Answer, drop } from "./transport.ts";

/** Bytes that are read from a file at a time. */
const CHUNK_BYTES = 1_048_576;

/** What is written. */
export interface PushedBlob {
  readonly digest: string;
  readonly size_bytes: number;
  /** Read from its beginning; stays open */
  readonly file: OpenFile;
  /** Repository of the same registry that may have it already */
  readonly mount_from?: string | undefined;
}

export interface PushContext {
  readonly client: RegistryClient;
  readonly reference: ImageReference;
  readonly signal: AbortSignal;
  readonly emit?: Emit | undefined;
  readonly tries?: number | undefined;
}

/** How a blob got there: it was there, it was taken over from another repository, or it was sent. */
export type PushOutcome = "present" | "mounted" | "uploaded";

/** Writes a blob. */
export async function pushBlob(blob: PushedBlob, context: PushContext): Promise<PushOutcome> {
  const { client, signal, tries } = context;
  return await persist({ signal, surroundings: client.transport.surroundings, tries }, async () => {
    if (await isThere(blob, context)) return "present";
    const begun = await beginUpload(blob, context);
    if (begun === "mounted") return "mounted";
    await upload(blob, begun, context);
    return "uploaded";
  });
}

/** Writes a manifest under the reference's tag, or its own digest where it has none, and gives its digest. */
export async function pushManifest(body: Uint8Array, media_type: string, context: PushContext): Promise<string> {
  const { client, reference, signal, tries } = context;
  const digest = digestOf(body);
  const what = `manifest of "${referenceName(reference)}"`;
  return await persist({ signal, surroundings: client.transport.surroundings, tries }, async () => {
    const answer = await client.send({
      ...shared(context, what),
      method: "PUT",
      path: `/v2/${reference.repository}/manifests/${reference.tag ?? digest}`,
      headers: { "content-type": media_type, "content-length": String(body.length) },
      body: () => once(body),
    });
    await requireStatus(answer, [200, 201], what, signal);
    const claimed = answer.headers["docker-content-digest"] ?? digest;
    if (claimed !== digest)
      throw lied(client.host, `took the ${what} for ${claimed.slice(0, 100)}, which is ${digest}`, "digest");
    return digest;
  });
}

async function isThere({ digest }: PushedBlob, context: PushContext): Promise<boolean> {
  const what = `blob ${digest}`;
  const path = `/v2/${context.reference.repository}/blobs/${digest}`;
  const answer = await context.client.send({ ...shared(context, what), method: "HEAD", path });
  if (answer.status !== 404) await requireStatus(answer, [200], what, context.signal);
  else drop(answer);
  return answer.status === 200;
}

/** Where the blob is to be sent, or `mounted` where the registry took it from another repository. */
async function beginUpload(blob: PushedBlob, context: PushContext): Promise<URL | "mounted"> {
  const { client, reference, signal } = context;
  const { digest, mount_from } = blob;
  const what = `upload to "${referenceName(reference)}"`;
  const mount = mount_from === undefined ? "" : `?${new URLSearchParams({ mount: digest, from: mount_from })}`;
  const extra = mount_from === undefined ? [] : [readScope(mount_from)];
  const request = shared(context, what);
  const answer = await client.send({
    ...request,
    scopes: [...request.scopes, ...extra],
    method: "POST",
    path: `/v2/${reference.repository}/blobs/uploads/${mount}`,
    headers: { "content-length": "0" },
  });
  await requireStatus(answer, mount === "" ? [202] : [201, 202], what, signal);
  if (answer.status === 201) return "mounted";
  const location = answer.headers["location"] ?? "";
  const url = URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined;
  if (url === undefined || url.origin !== client.endpoint.origin.origin || url.username !== "" || url.password !== "")
    throw lied(client.host, "names another place than itself for an upload", "place");
  return url;
}

async function upload(blob: PushedBlob, place: URL, context: PushContext): Promise<void> {
  const { digest, size_bytes, file } = blob;
  const what = `upload of ${digest}`;
  place.searchParams.set("digest", digest);
  const answer = await context.client.send({
    ...shared(context, what),
    method: "PUT",
    path: `${place.pathname}${place.search}`,
    headers: { "content-type": "application/octet-stream", "content-length": String(size_bytes) },
    body: () => contentOf(file, size_bytes),
  });
  await requireStatus(answer, [201, 204], what, context.signal);
}

function shared(context: PushContext, what: string) {
  const { repository } = context.reference;
  const { signal, emit } = context;
  return { scopes: [`repository:${repository}:pull,push`], what, signal, emit } as const;
}

async function requireStatus(
  answer: Answer,
  wanted: readonly number[],
  what: string,
  signal: AbortSignal,
): Promise<void> {
  if (!wanted.includes(answer.status)) throw await refusal(answer, what, signal);
  drop(answer);
}

async function* contentOf(file: OpenFile, size_bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size_bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size_bytes - at));
    const count = await file.read(buffer, at);
    if (count === 0) throw new PyroError("host_io_failed", `"${file.path}" became shorter while it was sent`);
    yield buffer.subarray(0, count);
    at += count;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
