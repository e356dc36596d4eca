/** How requests to one server are authorized: by a token for each scope, or by name and password. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import type { Reach } from "../../network/reach.ts";
import { type Challenge, readChallenges } from "./challenge.ts";
import { ForbiddenDestination } from "./connections.ts";
import type { CredentialStore, Credentials } from "./credentials.ts";
import { mayLeadTo } from "./destinations.ts";
import { lied, refusal, unauthorized } from "./refusals.ts";
import type { Endpoint } from "./settings.ts";
import { type Answer, readBody, type Transport } from "./transport.ts";

/** Largest answer with a token, and the time that one is good for where the answer has none (docs/design/limits.md). */
const MAX_TOKEN_BYTES = 1_048_576;
const DEFAULT_LIFE_SECONDS = 60;
/** A token is not used in its last moments. */
const MARGIN_SECONDS = 10;
const CLIENT = "pyro";

const tokenAnswer = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().optional(),
});

/** What a header takes: a token of anything else would be a second header. */
const TOKEN = /^[\x21-\x7e]{1,65536}$/;

interface KnownHeader {
  readonly header: string;
  readonly until_ms: number;
}

export interface Refused {
  /** The answer that asks for credentials */
  readonly answer: Answer;
  readonly scopes: readonly string[];
  /** The header that was refused */
  readonly used: string | undefined;
  /** What was asked for, for the error */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly emit?: Emit | undefined;
}

/** The headers of one server. */
export class Authorization {
  readonly #endpoint: Endpoint;
  readonly #credentials: CredentialStore;
  readonly #transport: Transport;
  readonly #known = new Map<string, KnownHeader>();
  readonly #fetches = new Map<string, Promise<string>>();

  constructor(endpoint: Endpoint, credentials: CredentialStore, transport: Transport) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#transport = transport;
  }

  /** What is known to be good for these scopes. */
  header(scopes: readonly string[]): string | undefined {
    const known = this.#known.get(scopes.join(" "));
    return known !== undefined && known.until_ms > this.#transport.surroundings.clock() ? known.header : undefined;
  }

  /** A new header after a refusal; several that were refused at once share it. */
  async renew(refused: Refused): Promise<string> {
    const key = refused.scopes.join(" ");
    const known = this.header(refused.scopes);
    if (known !== undefined && known !== refused.used) return known;
    const running = this.#fetches.get(key);
    const shared = await running?.catch((thrown: unknown) => {
      // Whoever began may have given up, which is nothing to the others.
      if (refused.signal.aborted || !isCancelled(thrown)) throw thrown;
    });
    if (shared) return shared;
    const fetch = this.#fetch(refused, key);
    this.#fetches.set(key, fetch);
    try {
      return await fetch;
    } finally {
      this.#fetches.delete(key);
    }
  }

  async #fetch(refused: Refused, key: string): Promise<string> {
    const challenges = readChallenges(refused.answer.headers["www-authenticate"] ?? "");
    const credentials = await this.#credentials.of(this.#endpoint.login, refused.emit);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      const { token, life_seconds } = await this.#token(bearer, refused, credentials);
      const header = `Bearer ${token}`;
      const until_ms = this.#transport.surroundings.clock() + 1000 * (life_seconds - MARGIN_SECONDS);
      this.#known.set(key, { header, until_ms });
      return header;
    }
    const is_basic = challenges.some(({ scheme }) => scheme === "basic");
    if (!is_basic || credentials?.kind !== "password") throw this.#unauthorized(refused);
    const header = basic(credentials);
    if (header === refused.used) throw this.#unauthorized(refused);
    this.#known.set(key, { header, until_ms: Number.POSITIVE_INFINITY });
    return header;
  }

  /**
   * The server that has the images names the one that gives tokens, and may name another host, as Docker Hub does; credentials go
   * there, since it could have asked for them itself. That needs TLS, unless both are one host without it.
   */
  async #token(
    challenge: Challenge,
    refused: Refused,
    credentials: Credentials | undefined,
  ): Promise<{ readonly token: string; readonly life_seconds: number }> {
    const { signal, what } = refused;
    const realm = this.#realm(challenge.parameters["realm"] ?? "");
    const answer = await this.#ask(realm, challenge, refused, credentials);
    if (answer.status === 401 || answer.status === 403) throw await tokenRefusal(answer, credentials, refused);
    if (answer.status >= 300 && answer.status < 400)
      throw lied(realm.host, `sends a request for a token elsewhere (${answer.status})`, "place");
    if (answer.status !== 200) throw await refusal(answer, `token for ${what}`, signal);
    const body = await readBody(answer, MAX_TOKEN_BYTES, signal);
    const parsed = tokenAnswer.safeParse(parseJson(body));
    const token = parsed.success ? parsed.data.token || parsed.data.access_token : undefined;
    if (!parsed.success || token === undefined || !TOKEN.test(token))
      throw lied(realm.host, "answered without a token when asked for one", "type");
    return { token, life_seconds: Math.max(DEFAULT_LIFE_SECONDS, parsed.data.expires_in ?? 0) };
  }

  #realm(text: string): URL {
    const host = this.#endpoint.origin.host;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.username !== "" || url.password !== "")
      throw lied(host, `names "${text.slice(0, 200)}" as its place for tokens, which is no address`, "place");
    const { protocol, hostname } = this.#endpoint.origin;
    const is_same_plain = url.protocol === "http:" && protocol === "http:" && url.hostname === hostname;
    if (url.protocol === "https:" || is_same_plain) return url;
    throw lied(host, `names "${url.origin}" as its place for tokens, which is not https`, "place");
  }

  async #ask(
    realm: URL,
    challenge: Challenge,
    { answer, scopes, signal }: Refused,
    credentials: Credentials | undefined,
  ): Promise<Answer> {
    const { service } = challenge.parameters;
    const fields = [
      ...(service === undefined ? [] : [["service", service]]),
      ...scopes.map((scope) => ["scope", scope]),
    ];
    const admits = (reach: Reach) => mayLeadTo(answer.reach, reach);
    try {
      if (credentials?.kind === "token") {
        const form = { grant_type: "refresh_token", client_id: CLIENT, refresh_token: credentials.token };
        const text = new URLSearchParams([
          ...Object.entries(form),
          ["service", service ?? ""],
          ["scope", scopes.join(" ")],
        ]);
        const body = Buffer.from(text.toString());
        const headers = {
          "content-type": "application/x-www-form-urlencoded",
          "content-length": String(body.length),
        };
        return await this.#transport.send({ method: "POST", url: realm, headers, body: once(body), admits, signal });
      }
      const url = new URL(realm);
      for (const [name = "", value = ""] of fields) url.searchParams.append(name, value);
      const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
      return await this.#transport.send({ method: "GET", url, headers, admits, signal });
    } catch (thrown) {
      if (!(thrown instanceof ForbiddenDestination)) throw thrown;
      throw lied(this.#endpoint.origin.host, `asks for a token from where it may not lead: ${thrown.message}`, "place");
    }
  }

  #unauthorized({ what }: Refused): PyroError {
    return unauthorized(what, this.#endpoint.origin.host);
  }
}

async function tokenRefusal(answer: Answer, credentials: Credentials | undefined, refused: Refused): Promise<Error> {
  const { what, signal } = refused;
  const error = await refusal(answer, what, signal);
  if (credentials === undefined || !(error instanceof PyroError)) return error;
  const host = refused.answer.url.host;
  return new PyroError(
    "registry_unauthorized",
    `"${answer.url.host}" does not accept the credentials kept for "${host}"`,
    {
      hint: error.hint,
      details: { host },
    },
  );
}

function isCancelled(thrown: unknown): boolean {
  return thrown instanceof PyroError && thrown.code === "cancelled";
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function basic({ username, password }: Extract<Credentials, { kind: "password" }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function parseJson(body: Buffer | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
