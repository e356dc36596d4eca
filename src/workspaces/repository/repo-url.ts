/** The address of a repository: https alone, read strictly, and shown without what a person put into it to be let in. */
import { PyroError } from "../../contract/errors.ts";
import { type Host, readHost } from "../../network/host-name.ts";

const MAX_URL_CHARS = 2_048;
const HTTPS_PORT = 443;
const PARTS = /^https:\/\/(?:([^@/?#]*)@)?(\[[^\]@/?#]*\]|[^:@/?#[\]]+)(?::([0-9]{1,5}))?(\/[^?#]*)$/i;

export interface RepoUrl {
  /** The address as it may be shown and kept */
  readonly shown: string;
  readonly host: Host;
  readonly port: number;
  /** Path on the server, without a slash at its end */
  readonly path: string;
  /** Value of the header that lets the caller in; absent where the address has no name and password */
  readonly authorization?: string;
}

/** Reads an address; raises `repo_url_invalid`, which never quotes it. */
export function readRepoUrl(text: string): RepoUrl {
  if (text.length > MAX_URL_CHARS) throw invalid(`is longer than ${MAX_URL_CHARS} characters`);
  if (!/^[\x21-\x7e]*$/.test(text)) throw invalid("has characters that no address has");
  if (!/^https:\/\//i.test(text)) throw invalid(`${schemeOf(text)}: only https:// is cloned from`);
  const [, login, name = "", digits, path = ""] = PARTS.exec(text) ?? [];
  if (path === "") throw invalid("is not https://HOST/PATH");
  const host = readHost(name);
  if (host === undefined || (host.kind === "name" && host.has_underscore)) throw invalid("names no host");
  const port = digits === undefined ? HTTPS_PORT : Number(digits);
  if (port < 1 || port > 65_535) throw invalid("names a port that is none");
  checkPath(path);
  const bare = path.replace(/\/+$/, "");
  const authorization = authorizationOf(login);
  const parts = { shown: `https://${authority(host, port)}${bare || "/"}`, host, port, path: bare };
  return authorization === undefined ? parts : { ...parts, authorization };
}

/** Host and port as they stand in an address and in the header Host. */
export function authority(host: Host, port: number): string {
  const shown = host.name.includes(":") ? `[${host.name}]` : host.name;
  return port === HTTPS_PORT ? shown : `${shown}:${port}`;
}

function invalid(problem: string): PyroError {
  return new PyroError("repo_url_invalid", `The repository's address ${problem}`);
}

function schemeOf(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,20}(?=:)/i.exec(text)?.[0];
  if (text.startsWith("-")) return "begins with a hyphen";
  return scheme === undefined ? "is no web address" : `begins with "${scheme.toLowerCase()}:"`;
}

/** A path is sent as it was given: what a server could take for another path is refused. */
function checkPath(path: string): void {
  if (/[\\"<>^`{|}]/.test(path)) throw invalid("has a path that would have to be encoded");
  if (/%(?![0-9a-f]{2})|%(?:[01][0-9a-f]|7f|2f|5c)/i.test(path))
    throw invalid("has a path with control characters, slashes or less encoded in it");
  const names = path.slice(1).replace(/\/+$/, "").split("/");
  if (names.some((each) => /^(?:\.|%2e){1,2}$/i.test(each))) throw invalid('has "." or ".." in its path');
  if (names.length > 1 && names.includes("")) throw invalid("has an empty name in its path");
}

function authorizationOf(login: string | undefined): string | undefined {
  if (login === undefined || login === "") return undefined;
  try {
    const [name = "", ...password] = login.split(":").map(decodeURIComponent);
    const pair = `${name}:${password.join(":")}`;
    if (/[\u0000-\u001f\u007f]/.test(pair)) throw invalid("has control characters in its name or password");
    return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
  } catch (thrown) {
    throw thrown instanceof PyroError ? thrown : invalid("has a name or password that is wrongly encoded");
  }
}
