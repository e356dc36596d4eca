/** Where packages come from: suites of the Debian archive, their mirrors, and the keys that sign them. */
import { PyroError } from "../contract/errors.ts";
import { openReadOnly } from "../platform/files.ts";

const DEFAULT_MIRROR = "http://deb.debian.org/debian";
const DEFAULT_SECURITY_MIRROR = "http://deb.debian.org/debian-security";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const proxyVariables = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] as const;

/** Base addresses of the archive. */
export interface Mirrors {
  readonly mirror: string;
  readonly security_mirror: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** The mirrors that the variables ask for, or Debian's own. */
export function mirrorsOf(env: Variables): Mirrors {
  return {
    mirror: address(env, "PYRO_DEBIAN_MIRROR", DEFAULT_MIRROR),
    security_mirror: address(env, "PYRO_DEBIAN_SECURITY_MIRROR", DEFAULT_SECURITY_MIRROR),
  };
}

function address(env: Variables, name: string, otherwise: string): string {
  const value = env[name];
  if (value === undefined || value === "") return otherwise;
  // The address becomes a word of an apt source line, where a space or a bracket would end it.
  if (/^https?:\/\/[^\s[\]"'<>]+$/.test(value)) return value.replace(/\/+$/, "");
  throw new PyroError("invalid_input", `${name} is "${value}", which is not an http or https address`, {
    hint: `export ${name}=${otherwise}`,
  });
}

/** apt's source lines for a suite with its updates and security fixes. */
export function sourceLines(suite: string, mirrors: Mirrors, options = ""): string[] {
  return [
    `deb ${options}${mirrors.mirror} ${suite} main`,
    `deb ${options}${mirrors.mirror} ${suite}-updates main`,
    `deb ${options}${mirrors.security_mirror} ${suite}-security main`,
  ];
}

/** The source lines that an image carries, whichever mirror it was built from. */
export function publicSourceLines(suite: string): string[] {
  const mirrors = { mirror: DEFAULT_MIRROR, security_mirror: DEFAULT_SECURITY_MIRROR };
  return sourceLines(suite, mirrors, `[signed-by=${KEYRING}] `);
}

/** Addresses of the signed indexes of a suite. */
export function releaseUrls(suite: string, mirrors: Mirrors): string[] {
  return [
    `${mirrors.mirror}/dists/${suite}/InRelease`,
    `${mirrors.mirror}/dists/${suite}-updates/InRelease`,
    `${mirrors.security_mirror}/dists/${suite}-security/InRelease`,
  ];
}

/** Path of the archive's keys; `host_program_missing` where they are not installed. */
export function archiveKeyring(): string {
  const file = openReadOnly(KEYRING);
  if (file === undefined)
    throw new PyroError("host_program_missing", `the keys of the Debian archive are not installed: "${KEYRING}"`, {
      hint: "sudo apt-get install --no-install-recommends debian-archive-keyring",
      details: { path: KEYRING, packages: ["debian-archive-keyring"] },
    });
  file.close();
  return KEYRING;
}

/** The proxy settings among the variables, which apt obeys. */
export function proxySettings(env: Variables): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of proxyVariables) {
    const value = env[name];
    if (value !== undefined && value !== "") settings[name] = value;
  }
  return settings;
}
