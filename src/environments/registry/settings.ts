/** What the user's configuration says of registries and of the catalog. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import { readSettings } from "../../platform/settings-file.ts";
import { configFile } from "../../store/config-paths.ts";
import { isLoopbackHost } from "./destinations.ts";
import { DOCKER_HUB, type ImageReference, parseReference } from "./reference.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Mirrors of one registry (docs/design/limits.md). */
const MAX_MIRRORS = 8;

const config = z.strictObject({
  registries: z
    .record(
      z.string(),
      z.strictObject({
        mirrors: z.array(z.string()).max(MAX_MIRRORS).default([]),
        insecure: z.boolean().exactOptional(),
      }),
    )
    .default({}),
  catalog: z.record(z.string(), z.string()).default({}),
});

/** A server that has the images of a registry. */
export interface Endpoint {
  /** Scheme, host and port */
  readonly origin: URL;
  /** Name under which credentials for it are kept */
  readonly login: string;
  readonly is_mirror: boolean;
}

export interface RegistrySettings {
  /** Servers to ask, in order; the registry itself is the last */
  endpoints(registry: string): readonly Endpoint[];
  /** References that stand for entries of the catalog */
  readonly catalog: Readonly<Record<string, ImageReference>>;
}

/** Reads the user's configuration; `config_invalid` names the file and the key. */
export function readRegistrySettings(env: Variables): RegistrySettings {
  const path = configFile(env);
  const { registries, catalog } = parse(path, readSettings(path) ?? "{}");
  const isInsecure = (host: string) => registries[host]?.insecure ?? isLoopbackHost(hostOf(host));
  for (const name of Object.keys(registries)) checkRegistry(path, name);
  const mirrors = Object.fromEntries(
    Object.entries(registries).map(([name, entry]) => {
      const key = `registries.${name}.mirrors`;
      return [name, entry.mirrors.map((mirror) => mirrorOf(path, key, mirror, isInsecure))];
    }),
  );
  const endpoints = (registry: string) => [...(mirrors[registry] ?? []), itself(registry, isInsecure(registry))];
  return { endpoints, catalog: catalogOf(path, catalog) };
}

function parse(path: string, text: string): z.infer<typeof config> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid(path, "", `it is not JSON: ${thrown instanceof Error ? thrown.message : ""}`);
  }
  const parsed = config.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const key = [...(issue?.path ?? []), ...unknown].join(".");
  throw invalid(path, key, unknown.length > 0 ? "there is no such key" : (issue?.message ?? "it is not valid"));
}

function itself(registry: string, is_insecure: boolean): Endpoint {
  const host = registry === DOCKER_HUB ? "registry-1.docker.io" : registry;
  return { origin: new URL(`${is_insecure ? "http" : "https"}://${host}`), login: registry, is_mirror: false };
}

function mirrorOf(path: string, key: string, text: string, isInsecure: (host: string) => boolean): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.host === "")
    throw invalid(path, key, `"${text}" is no http or https address`);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "")
    throw invalid(path, key, `"${url.origin}" is all that a mirror's address may have: no path, no login`);
  if (url.protocol === "http:" && !isInsecure(url.host))
    throw invalid(path, key, `"${text}" is not https; set registries.${url.host}.insecure to permit that`);
  return { origin: new URL(url.origin), login: url.host, is_mirror: true };
}

function checkRegistry(path: string, name: string): void {
  try {
    if (parseReference(`${name}/a/b`).registry === name) return;
  } catch (thrown) {
    if (!(thrown instanceof PyroError)) throw thrown;
  }
  throw invalid(path, `registries.${name}`, "it is no registry's name, such as docker.io or localhost:5000");
}

function catalogOf(path: string, catalog: Readonly<Record<string, string>>): Record<string, ImageReference> {
  const entries = Object.entries(catalog).map(([name, text]) => {
    try {
      return [name, parseReference(text)] as const;
    } catch (thrown) {
      if (!(thrown instanceof PyroError)) throw thrown;
      throw invalid(path, `catalog.${name}`, thrown.message);
    }
  });
  return Object.fromEntries(entries);
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, "");
}

function invalid(path: string, key: string, reason: string): PyroError {
  const where = key === "" ? "" : ` at "${cleanText(key)}"`;
  return new PyroError("config_invalid", `"${path}" is not valid${where}: ${cleanText(reason)}`, {
    hint: `Correct "${path}", or remove it`,
    details: { path, key },
  });
}
