/** Which proxy stands between this machine and a server, as the environment says it. */
import { PyroError } from "../../contract/errors.ts";
import { type IpAddress, readAddress } from "../../network/ip-address.ts";
import { isLoopbackHost, literalAddress } from "./destinations.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface WebProxy {
  /** `http:` or `https:`, host and port */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

const V4_OFFSET = 96;

/** The proxy for an address; undefined where it is reached directly, as this machine itself always is. */
export function proxyFor(url: URL, env: Variables): WebProxy | undefined {
  const [lower, upper] = url.protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
  const name = present(env, lower) === undefined ? upper : lower;
  const value = present(env, name);
  if (value === undefined || isLoopbackHost(url.hostname) || isExcepted(url, env)) return undefined;
  return readProxy(value, name);
}

function present(env: Variables, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

function readProxy(value: string, name: string): WebProxy {
  const text = value.includes("://") ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The value may hold a password, and is not repeated.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "")
    throw new PyroError("invalid_input", `${name} is no address of an http or https proxy`, {
      hint: `export ${name}=http://proxy.example:3128`,
    });
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const headers: Record<string, string> = {};
  if (login !== ":") headers["proxy-authorization"] = `Basic ${Buffer.from(login).toString("base64")}`;
  return { url, headers };
}

function isExcepted(url: URL, env: Variables): boolean {
  const list = present(env, "no_proxy") ?? present(env, "NO_PROXY") ?? "";
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const rules = list.split(/[\s,]+/).filter((rule) => rule !== "");
  return rules.some((rule) => matches(rule.toLowerCase(), url.hostname.toLowerCase(), port));
}

/** One word of `no_proxy`: `*`, a name with all below it, `.name` for what is below alone, an address or a range; each with a port or without. */
function matches(rule: string, host: string, port: string): boolean {
  if (rule === "*") return true;
  const [, bare = rule, wanted] = /^(.+?):(\d+)$/.exec(rule) ?? [];
  const is_v6 = rule.split(":").length > 2 && !rule.startsWith("[");
  if (!is_v6 && wanted !== undefined && wanted !== port) return false;
  const name = is_v6 ? rule : bare;
  const address = literalAddress(host);
  const read = address === undefined ? undefined : readAddress(address);
  if (read !== undefined) return isWithin(read, name.replace(/^\[(.*)\]$/, "$1"));
  const suffix = name.replace(/^\*?\./, "");
  return host.endsWith(`.${suffix}`) || (suffix === name && host === name);
}

function isWithin(address: IpAddress, range: string): boolean {
  const [text = "", length] = range.split("/");
  const base = readAddress(text);
  if (base === undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return false;
  const bits = length === undefined ? 128 : Number(length) + (text.includes(":") ? 0 : V4_OFFSET);
  return bitsOf(address).slice(0, bits) === bitsOf(base).slice(0, bits);
}

function bitsOf(address: IpAddress): string {
  return [...address].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}
