/** One server that speaks the registry protocol: requests with what authorizes them, and followed where they are led. */

import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import type { Reach } from "../../network/reach.ts";
import { Authorization } from "./authorization.ts";
import { ForbiddenDestination } from "./connections.ts";
import type { CredentialStore } from "./credentials.ts";
import { isLoopbackHost, mayLeadTo } from "./destinations.ts";
import { lied, unauthorized } from "./refusals.ts";
import type { Endpoint } from "./settings.ts";
import { type Answer, drop, PassingFailure, type Transport } from "./transport.ts";

/** Places that one request is led to, one after the other (docs/design/limits.md). */
const MAX_REDIRECTS = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];

export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  /** Below the server's address, with its query */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each time that it is sent */
  readonly body?: () => AsyncIterable<Uint8Array>;
  /** What it needs, such as `repository:library/python:pull` */
  readonly scopes: readonly string[];
  /** What is asked for, as errors say it */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly emit?: Emit | undefined;
}

export class RegistryClient {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly #authorization: Authorization;

  constructor(endpoint: Endpoint, credentials: CredentialStore, transport: Transport) {
    this.endpoint = endpoint;
    this.transport = transport;
    this.#authorization = new Authorization(endpoint, credentials, transport);
  }

  /** The server's host, with its port where that is not the usual one. */
  get host(): string {
    return this.endpoint.origin.host;
  }

  /** Sends it, a second time with new authorization where the server asks for that; the answer has any status but a redirect. */
  async send(request: Request): Promise<Answer> {
    const { scopes, what, signal, emit } = request;
    const used = this.#authorization.header(scopes);
    const answer = await this.#follow(request, used);
    if (answer.status !== 401) return answer;
    drop(answer);
    // Who sent us on has authorized that; a place that asks for more is not the registry.
    if (answer.url.origin !== this.endpoint.origin.origin) throw unauthorized(what, answer.url.host);
    const renewed = await this.#authorization.renew({ answer, scopes, used, what, signal, emit });
    const second = await this.#follow(request, renewed);
    if (second.status !== 401) return second;
    drop(second);
    throw unauthorized(what, second.url.host);
  }

  async #follow(request: Request, authorization: string | undefined): Promise<Answer> {
    let url = new URL(request.path, this.endpoint.origin);
    let from: Reach | undefined;
    let is_own = true;
    for (let led = 0; ; led += 1) {
      const answer = await this.#sendTo(url, request, from, is_own ? authorization : undefined);
      if (!redirects.includes(answer.status) || answer.headers["location"] === undefined) return answer;
      drop(answer);
      if (!["GET", "HEAD"].includes(request.method))
        throw lied(this.host, "sends a request to write elsewhere", "place");
      if (led === MAX_REDIRECTS) throw lied(this.host, `leads on more than ${MAX_REDIRECTS} times`, "place");
      from ??= answer.reach;
      url = this.#next(url, answer.headers["location"]);
      // Once elsewhere, always elsewhere: what comes back from there is not trusted with credentials either.
      is_own &&= url.origin === this.endpoint.origin.origin;
    }
  }

  async #sendTo(
    url: URL,
    request: Request,
    from: Reach | undefined,
    authorization: string | undefined,
  ): Promise<Answer> {
    const headers = { ...request.headers, ...(authorization !== undefined && { authorization }) };
    const admits = (reach: Reach) => (from === undefined ? this.#mayBe(reach) : mayLeadTo(from, reach));
    try {
      const { method, signal } = request;
      return await this.transport.send({ method, url, headers, body: request.body?.(), admits, signal });
    } catch (thrown) {
      if (!(thrown instanceof ForbiddenDestination)) throw thrown;
      if (from !== undefined) throw lied(this.host, `leads where it may not: ${thrown.message}`, "place");
      throw new PassingFailure(
        new PyroError(
          "registry_unreachable",
          `"${this.host}" is reached without TLS on this machine alone: ${thrown.message}`,
        ),
      );
    }
  }

  /** A registry is wherever the user says; one that is spoken to in the clear because of its name has to be this machine. */
  #mayBe(reach: Reach): boolean {
    const { protocol, hostname } = this.endpoint.origin;
    return protocol === "https:" || !isLoopbackHost(hostname) || reach === "own";
  }

  #next(from: URL, location: string): URL {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (url === undefined || url.username !== "" || url.password !== "")
      throw lied(this.host, "leads to something that is no address", "place");
    const { protocol, hostname } = this.endpoint.origin;
    const is_same_plain = url.protocol === "http:" && protocol === "http:" && url.hostname === hostname;
    if (url.protocol === "https:" || is_same_plain) return url;
    throw lied(this.host, `leads to "${url.protocol}//${url.host}", which is not https`, "place");
  }
}
