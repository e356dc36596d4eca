/** What an image's configuration says, in our own fields. */
import { type ConfigDocument, unsupported } from "./documents.ts";
import type { ImageConfig } from "./image.ts";

/** The fields; refuses what no process could have as its environment. */
export function configFields(document: ConfigDocument, name: string): ImageConfig {
  const { architecture, os, created, config } = document;
  return {
    env: variables(config?.Env ?? [], name),
    user: config?.User ?? "",
    working_dir: config?.WorkingDir ?? "",
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    labels: config?.Labels ?? {},
    exposed_ports: Object.keys(config?.ExposedPorts ?? {}),
    created: created ?? null,
    architecture,
    os,
  };
}

/** The last of several values of one name counts; an entry without `=` has no value. */
function variables(entries: readonly string[], name: string): Record<string, string> {
  const pairs = entries.map((entry) => {
    const at = entry.indexOf("=");
    return at < 0 ? ([entry, ""] as const) : ([entry.slice(0, at), entry.slice(at + 1)] as const);
  });
  if (pairs.some(([key, value]) => key === "" || `${key}${value}`.includes("\0")))
    throw unsupported(`${name} has a variable in its environment that no process can have`);
  return Object.fromEntries(pairs);
}
