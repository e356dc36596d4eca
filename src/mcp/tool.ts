/** The tools of one server, derived from the operations: names, schemas, words and annotations. */
import type { ServerOptions } from "../contract/server-options.ts";
import { operations } from "../operations/index.ts";
import type { Operation } from "../operations/operation.ts";
import { type Annotations, annotationsOf } from "./annotations.ts";
import { type ServerFacts, toolTexts } from "./descriptions.ts";
import { modeTexts } from "./mode-texts.ts";
import { inputSchema, type ObjectSchema, outputSchema } from "./schemas.ts";
import type { ToolText } from "./session-texts.ts";
import { type SurfaceName, subjects, surfaces } from "./surfaces.ts";

/** What `tools/list` says of a tool. */
export interface ToolListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: Annotations;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

export interface Tool {
  readonly name: string;
  readonly op: Operation;
  readonly listing: ToolListing;
  /** Fields of the operation that this server neither takes nor shows */
  readonly hidden: ReadonlySet<string>;
  /** What fields are where a caller leaves them out and this surface differs from the operation */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** Tools that a host which loads tools when they are asked for should have from the start. */
const alwaysLoaded: ReadonlySet<string> = new Set([
  "workspace_create",
  "workspace_exec",
  "workspace_file_read",
  "workspace_patch_apply",
  "workspace_diff",
  "workspace_reset",
]);

/** Tools whose answers may be long, so that a caller may say how long. */
const long: ReadonlySet<string> = new Set([
  "workspace_exec",
  "workspace_wait",
  "workspace_logs",
  "workspace_file_list",
  "workspace_file_read",
  "workspace_diff",
  "workspace_list",
  "workspace_disk_list",
  "workspace_disk_read",
  "service_logs",
  "shell_read",
  "vm_run",
  "vm_network_info",
]);

/** Sizes that `max_output_chars` stands for. */
const sizes = ["max_patch_bytes", "max_entries"] as const;

/** What a tool call cannot do: go on until something ends. */
const endless = ["follow"] as const;

/** Largest answer, in characters of each of its forms, where none is asked for, and what may be asked for (docs/design/limits.md). */
export const REPLY_CHARS = { standard: 10_000, least: 1_000, most: 50_000 } as const;

const maxOutput = {
  max_output_chars: {
    type: "integer",
    default: REPLY_CHARS.standard,
    description: "Size of the answer, up to 50000",
  },
};
const cutFields = { rest: { type: "string" } };

/** Fields that count only where a person permitted them at the start, by the flag of that name. */
const permitted = ["allow_host_compat", "allow_private_repo"] as const;

export function surfaceOf({ profile, mode }: ServerOptions): SurfaceName {
  return mode ?? profile ?? "workspace-core";
}

/** The tools that `options` ask for, in the order in which they are listed. */
export function toolsOf(options: ServerOptions, facts: ServerFacts): Tool[] {
  const name = surfaceOf(options);
  const { tools, leaves_out } = surfaces[name];
  const hidden = new Set<string>([...sizes, ...endless, ...leaves_out.flatMap((subject) => subjects[subject])]);
  for (const name of permitted) if (!options[name]) hidden.add(name);
  const byName = new Map(Object.values<Operation>(operations).map((op) => [op.names.mcp, op]));
  const texts = toolTexts(facts);
  return tools.flatMap((tool) => {
    const op = byName.get(tool);
    const text = texts[tool];
    if (op === undefined || text === undefined) return [];
    const description = modeTexts[name]?.[tool] ?? text.description;
    return [toolOf(tool, op, { ...text, description }, hidden, !leaves_out.includes("network"))];
  });
}

function toolOf(name: string, op: Operation, text: ToolText, hidden: ReadonlySet<string>, hasNetwork: boolean): Tool {
  const fields = text.fields ?? {};
  const own = long.has(name) ? maxOutput : {};
  const defaults = Object.entries(fields).flatMap(([field, { default: preset }]) =>
    preset === undefined ? [] : [[field, preset]],
  );
  const listing: ToolListing = {
    name,
    title: text.title,
    description: text.description,
    inputSchema: inputSchema(op, hidden, fields, own),
    outputSchema: outputSchema(op, hidden, long.has(name) ? cutFields : {}),
    annotations: annotationsOf(op, hasNetwork),
    ...(alwaysLoaded.has(name) && { _meta: { "anthropic/alwaysLoad": true } }),
  };
  return { name, op, listing, hidden, defaults: Object.fromEntries(defaults) };
}
