/** A small registry in memory, which keeps to the protocol, counts what it sends, and misbehaves where a test says so. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Content, content, digestOf, type MadeImage } from "./registry-images.ts";

export interface SeenRequest {
  readonly method: string;
  /** With its query */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Answers a request in the registry's place; false where it leaves it to the registry. */
export type Misbehaviour = (request: SeenRequest, response: ServerResponse) => boolean | Promise<boolean>;

export interface RegistryLogin {
  readonly kind: "token" | "basic";
  /** Whom it lets in; anybody gets a token where absent */
  readonly username?: string;
  readonly password?: string;
  /** Login that stands for the above */
  readonly identity_token?: string;
  /** Where tokens are given; the registry itself where absent */
  readonly realm?: string;
}

export interface RegistryServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly login?: RegistryLogin;
}

export class RegistryServer {
  readonly requests: SeenRequest[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Content>();
  /** Bytes of blobs that were sent */
  sent_bytes = 0;
  misbehave: Misbehaviour = () => false;
  login: RegistryLogin | undefined;
  /** Tokens that are good; each is given out once */
  readonly tokens = new Set<string>();
  #given = 0;
  readonly #server: Server;

  private constructor(options: RegistryServerOptions) {
    this.login = options.login;
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    this.#server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  }

  static async start(options: RegistryServerOptions = {}): Promise<RegistryServer> {
    const registry = new RegistryServer(options);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As it stands in a reference */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Paths that were asked for with that method. */
  paths(method: string): string[] {
    return this.requests.filter((request) => request.method === method).map(({ path }) => path);
  }

  addBlob({ digest, body }: Content): void {
    this.blobs.set(digest, body);
  }

  /** Puts a document under its digest, and under a name such as `a/b:tag`. */
  addManifest(name: string, document: Content): void {
    const [repository = "", tag = ""] = name.split(":");
    this.manifests.set(`${repository}:${document.digest}`, document);
    if (tag !== "") this.manifests.set(`${repository}:${tag}`, document);
  }

  addImage(name: string, image: MadeImage): void {
    for (const blob of [image.config, ...image.layers]) this.addBlob(blob);
    this.addManifest(name, image.manifest);
  }

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    message.on("error", () => {});
    response.on("error", () => {});
    for await (const chunk of message) chunks.push(chunk);
    const { method = "", url = "", headers } = message;
    const request = { method, path: url, headers, body: Buffer.concat(chunks) };
    this.requests.push(request);
    if (await this.misbehave(request, response)) return;
    if (url.startsWith("/token")) this.#giveToken(request, response);
    else if (this.#mayEnter(request)) this.#answer(request, response);
    else this.#challenge(request, response);
  }

  #mayEnter({ headers }: SeenRequest): boolean {
    const given = headers.authorization ?? "";
    if (this.login === undefined) return true;
    return this.login.kind === "basic" ? given === this.#basic() : this.tokens.has(given.replace("Bearer ", ""));
  }

  #basic(): string {
    return `Basic ${Buffer.from(`${this.login?.username}:${this.login?.password}`).toString("base64")}`;
  }

  #challenge({ headers, method, path }: SeenRequest, response: ServerResponse): ServerResponse {
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path)?.[1] ?? "";
    const realm = this.login?.realm ?? `http://${headers.host}/token`;
    const scope = `repository:${repository}:${method === "GET" || method === "HEAD" ? "pull" : "pull,push"}`;
    const asks =
      this.login?.kind === "basic" ? 'Basic realm="here"' : `Bearer realm="${realm}",service="fake",scope="${scope}"`;
    return fail(response, 401, "UNAUTHORIZED", { "www-authenticate": asks });
  }

  #giveToken(request: SeenRequest, response: ServerResponse): ServerResponse {
    const { username, identity_token } = this.login ?? {};
    const is_refresh = request.method === "POST";
    const form = new URLSearchParams(request.body.toString());
    const is_right = is_refresh
      ? form.get("refresh_token") === identity_token
      : username === undefined || request.headers.authorization === this.#basic();
    if (!is_right) return fail(response, 401, "UNAUTHORIZED");
    this.#given += 1;
    const token = `token-${this.#given}`;
    this.tokens.add(token);
    return send(
      response,
      200,
      content("application/json", is_refresh ? { access_token: token } : { token, expires_in: 300 }),
    );
  }

  #answer(request: SeenRequest, response: ServerResponse): ServerResponse {
    const { pathname } = new URL(request.path, "http://here");
    const [, repository = "", kind = "", name = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.*)$/.exec(pathname) ?? [];
    if (kind === "blobs" && name.startsWith("uploads/")) return this.#upload(request, repository, response);
    if (kind === "manifests" && request.method === "PUT") return this.#putManifest(request, repository, name, response);
    if (kind === "blobs") return this.#sendBlob(request, this.blobs.get(name), response);
    const document = this.manifests.get(`${repository}:${name}`);
    if (document === undefined) return fail(response, 404, "MANIFEST_UNKNOWN");
    return send(response, 200, document, { "docker-content-digest": document.digest });
  }

  #sendBlob({ method, headers }: SeenRequest, body: Buffer | undefined, response: ServerResponse): ServerResponse {
    if (body === undefined) return fail(response, 404, "BLOB_UNKNOWN");
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const part = body.subarray(from);
    const range = from > 0 ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {};
    if (method !== "HEAD") this.sent_bytes += part.length;
    return send(response, from > 0 ? 206 : 200, content("application/octet-stream", part), range, method === "HEAD");
  }

  #upload({ method, path, body }: SeenRequest, repository: string, response: ServerResponse): ServerResponse {
    const { searchParams } = new URL(path, "http://here");
    const mounted = searchParams.get("mount");
    if (method === "POST" && mounted !== null && this.blobs.has(mounted))
      return send(response, 201, content("text/plain", ""));
    if (method === "POST")
      return send(response, 202, content("text/plain", ""), { location: `/v2/${repository}/blobs/uploads/1?state=x` });
    const digest = searchParams.get("digest") ?? "";
    if (digestOf(body) !== digest) return fail(response, 400, "DIGEST_INVALID");
    this.blobs.set(digest, body);
    return send(response, 201, content("text/plain", ""));
  }

  #putManifest(
    { headers, body }: SeenRequest,
    repository: string,
    name: string,
    response: ServerResponse,
  ): ServerResponse {
    const document = content(headers["content-type"] ?? "", body);
    this.addManifest(`${repository}:${name.startsWith("sha256:") ? "" : name}`, document);
    return send(response, 201, content("text/plain", ""), { "docker-content-digest": document.digest });
  }
}

/** Sends content with its length and type. */
export function send(
  response: ServerResponse,
  status: number,
  { type, body }: Content,
  headers: Readonly<Record<string, string>> = {},
  head_only = false,
): ServerResponse {
  response.writeHead(status, { "content-type": type, "content-length": String(body.length), ...headers });
  return response.end(head_only ? undefined : body);
}

/** Sends a refusal as registries word it. */
export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): ServerResponse {
  return send(response, status, content("application/json", { errors: [{ code, message: `no: ${code}` }] }), headers);
}
