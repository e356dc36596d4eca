/** What people see of environments. */
import type { z } from "zod";
import { cleanText } from "../../contract/text.ts";
import type { envInspect } from "../../operations/env/inspect.ts";
import type { envList } from "../../operations/env/list.ts";
import type { envPull } from "../../operations/env/pull.ts";
import { pairs, size, table } from "./values.ts";

type Inspected = z.infer<typeof envInspect.output>;
type Pulled = z.infer<typeof envPull.output>;

const SHOWN_DIGEST = "sha256:".length + 12;

export function environmentTable({ environments }: z.infer<typeof envList.output>): string {
  return table(
    ["NAME", "INSTALLED", "SIZE", "DIGEST", "SOURCE", "DESCRIPTION"],
    environments.map((env) => [
      env.name,
      env.installed ? "yes" : "no",
      env.size_bytes === null ? "-" : size(env.size_bytes),
      shortDigest(env.digest),
      env.source?.kind ?? "-",
      env.description,
    ]),
  );
}

/** All but an image's own text stands in pairs; what the image says is cleaned. */
export function environmentText({ image, templates, ...env }: Inspected): string {
  const shown = templates.map(
    ({ vcpu_count, mem_mib, execution_mode, state, size_bytes }) =>
      `${state}: ${vcpu_count} CPU, ${mem_mib} MiB, ${execution_mode}, takes ${size(size_bytes)}`,
  );
  const own = image === null ? "" : imageText(image);
  const variables = inOneLine(env.env);
  return cleanText(pairs({ ...env, env: variables, templates: shown.length === 0 ? "none" : shown.join("; ") }) + own);
}

function imageText({ layers, ...image }: NonNullable<Inspected["image"]>): string {
  const rows = layers.map(({ digest, size_bytes, media_type }) => [shortDigest(digest), size(size_bytes), media_type]);
  const total = layers.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const user = image.user || null;
  const working_dir = image.working_dir || null;
  const said = pairs({ ...image, user, working_dir, labels: inOneLine(image.labels) });
  const count = layers.length === 1 ? "1 layer" : `${layers.length} layers`;
  return `\nThe image, ${count} of ${size(total)}\n${said}\n${table(["LAYER", "SIZE", "TYPE"], rows)}`;
}

export function pulledText(env: Pulled): string {
  const what = env.changed ? "is installed" : "was installed already";
  const moved =
    env.previous_digest === null || env.previous_digest === env.digest ? "" : `it was ${env.previous_digest}\n`;
  const from = env.source === null ? "" : `from ${sourceText(env.source)}: ${cleanText(env.reason)}\n`;
  return `${env.name} ${what}: ${size(env.size_bytes ?? 0)}, ${env.digest}\n${moved}${from}`;
}

function sourceText(source: NonNullable<Pulled["source"]>): string {
  if (source.kind === "debian-archive") return `the Debian archive at ${source.mirror}`;
  return source.kind === "registry" ? `${source.reference}, ${source.digest}` : cleanText(source.path);
}

/** Values that an image chose: none of them can look like a line of ours. */
function inOneLine(values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values).map(([name, value]) => [quoted(name), quoted(value)] as const);
  return Object.fromEntries(entries);
}

function quoted(text: string): string {
  return /[^\x20-\x7e]/.test(text) ? JSON.stringify(text) : text;
}

function shortDigest(digest: string | null): string {
  return digest === null ? "-" : digest.slice(0, SHOWN_DIGEST);
}
