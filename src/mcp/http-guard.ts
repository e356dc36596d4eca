/** Who may speak to the server over HTTP: asked for by one of its own names, from no web page of another origin, and with the token. */
import { createHash, timingSafeEqual } from "node:crypto";

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Guarded {
  /** Names that the server goes by, as they stand in a Host header without the port */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly token: string;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly reason: string;
}

/** Why a request is refused; undefined where it is not. Whatever is not understood is refused. */
export function refusalOf(headers: Headers, guarded: Guarded): Refusal | undefined {
  const own = guarded.hosts.map((host) => `${host}:${guarded.port}`);
  const { host, origin, cookie, authorization } = headers;
  if (typeof host !== "string" || !own.includes(host.toLowerCase()))
    return { status: 403, reason: "The Host header is not this server's" };
  if (origin !== undefined && !own.some((name) => origin === `http://${name}`))
    return { status: 403, reason: "Web pages of other origins may not use this server" };
  if (origin === undefined && cookie !== undefined)
    return { status: 403, reason: "A browser without an origin may not use this server" };
  const [, token] = (typeof authorization === "string" && /^Bearer ([\x21-\x7e]+)$/i.exec(authorization)) || [];
  if (token === undefined || !isSame(token, guarded.token))
    return { status: 401, reason: "The bearer token is missing or wrong" };
  return undefined;
}

/** Compares by hashes, so that neither length nor place of a difference can be timed. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
