/** A Git server over https: asked at one address, with one redirect's worth of trust, within the same host. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { type ExchangeAnswer, exchange, secured } from "../../platform/http-exchange.ts";
import { version } from "../../version.ts";
import { inconsistent } from "./packets.ts";
import { cloneEnded, type ReachOptions, RepoHost, reasonOf, unreachable } from "./repo-host.ts";
import { authority, type RepoUrl, readRepoUrl } from "./repo-url.ts";

const SERVICE = "git-upload-pack";
const DISCOVERY = `/info/refs?service=${SERVICE}`;
const MAX_REDIRECTS = 3;

export class RepoServer {
  readonly url: RepoUrl;
  readonly #host: RepoHost;
  readonly #options: ReachOptions;
  /** Path of the repository, as the server itself has it */
  #path: string;

  private constructor(url: RepoUrl, host: RepoHost, options: ReachOptions) {
    this.url = url;
    this.#host = host;
    this.#options = options;
    this.#path = url.path;
  }

  /** Looks the server up, and asks it nothing. */
  static async find(url: RepoUrl, options: ReachOptions): Promise<RepoServer> {
    return new RepoServer(url, await RepoHost.find(url, options), options);
  }

  /** The first answer: what the server can do, and its refs where it is an old one. */
  async discover(): Promise<AsyncIterable<Uint8Array>> {
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#call("GET", DISCOVERY, undefined);
      if (answer.status < 300 || answer.status >= 400) return this.#checked(answer, "advertisement");
      answer.body.destroy();
      if (redirects === MAX_REDIRECTS) throw inconsistent("redirects without an end");
      this.#path = this.#redirected(answer.headers["location"] ?? "");
    }
  }

  /** Asks for something in Git's protocol. */
  async ask(body: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#checked(await this.#call("POST", `/${SERVICE}`, body), "result");
  }

  async #call(method: "GET" | "POST", at: string, body: string | undefined): Promise<ExchangeAnswer> {
    const { host, port, authorization } = this.url;
    const { around, limits, signal } = this.#options;
    const socket = await this.#host.connect();
    const headers = {
      Host: authority(host, port),
      "User-Agent": `git/2 pyro/${version}`,
      Accept: "*/*",
      "Git-Protocol": "version=2",
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...(body === undefined ? {} : contentHeaders(body)),
    };
    const patience = { signal, silence_ms: limits.idle_ms };
    try {
      const secure = await secured(socket, host.name, { ca: around.ca, ...patience });
      const target = this.#path + at;
      return await exchange(secure, {
        method,
        target,
        headers,
        body: body === undefined ? undefined : once(body),
        ...patience,
      });
    } catch (thrown) {
      throw unreachable(this.url, reasonOf(thrown), signal);
    }
  }

  /** A redirect may name another path of the same server, nothing else. */
  #redirected(location: string): string {
    const base = location.startsWith("/") && !location.startsWith("//") ? `https://${this.#authority}` : "";
    const full = base + location;
    const isDiscovery = full.endsWith(DISCOVERY);
    const to = isDiscovery ? readTarget(full.slice(0, -DISCOVERY.length)) : undefined;
    const isHere = to !== undefined && authority(to.host, to.port) === this.#authority;
    if (to !== undefined && isHere && to.authorization === undefined) return to.path;
    throw inconsistent(`redirects to ${showPath(location.slice(0, 200))}, which is not followed`);
  }

  get #authority(): string {
    return authority(this.url.host, this.url.port);
  }

  #checked(answer: ExchangeAnswer, kind: string): AsyncIterable<Uint8Array> {
    const type = answer.headers["content-type"] ?? "";
    const isGit = answer.status === 200 && type.split(";")[0]?.trim() === `application/x-${SERVICE}-${kind}`;
    if (isGit && answer.headers["content-encoding"] === undefined) return guarded(answer, this);
    answer.body.destroy();
    if ([401, 403, 404, 410].includes(answer.status))
      throw new PyroError("repo_not_found", `${this.url.shown} answers with status ${answer.status}`, {
        details: { url: this.url.shown, status: answer.status },
      });
    if (answer.status !== 200) throw unreachable(this.url, `it answers with status ${answer.status}`);
    throw inconsistent("does not answer as a Git server does");
  }

  /** What ended an answer before its end. */
  failure(thrown: unknown): PyroError {
    const { signal } = this.#options;
    if (signal.aborted) return cloneEnded(signal);
    return thrown instanceof PyroError ? thrown : unreachable(this.url, reasonOf(thrown));
  }
}

function contentHeaders(body: string): Record<string, string> {
  return {
    "Content-Type": `application/x-${SERVICE}-request`,
    "Content-Length": String(Buffer.byteLength(body)),
  };
}

/** An address in a server's mouth; undefined where it is none. */
function readTarget(text: string): RepoUrl | undefined {
  try {
    return readRepoUrl(text);
  } catch {
    return undefined;
  }
}

async function* once(body: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(body);
}

/** The body of an answer, whose failures are typed. */
async function* guarded({ body }: ExchangeAnswer, server: RepoServer): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (thrown) {
    throw server.failure(thrown);
  }
}
