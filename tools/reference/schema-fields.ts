/** The fields of a schema, nested ones included, as the reference describes them and as the contract tests examine them. */
import { z } from "zod";

const node = z.looseObject({
  type: z
    .union([z.string(), z.array(z.string())])
    .transform((type) => [type].flat())
    .default([]),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).default({}),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});

type Node = z.infer<typeof node>;

export interface SchemaField {
  /** Where it is: `checks[].name` */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: unknown;
  /** What values are accepted; empty where the type says it all */
  readonly range: string;
  readonly description: string;
}

/** Every field of an input or output schema, depth first, in the order of their definition. */
export function schemaFields(schema: z.ZodType, io: "input" | "output"): SchemaField[] {
  return fieldsOf(z.toJSONSchema(schema, { io }), "");
}

function fieldsOf(value: unknown, prefix: string): SchemaField[] {
  const parent = node.parse(value);
  return Object.entries(parent.properties).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    return [describe(path, node.parse(child), parent.required.includes(name)), ...nested(child, path)];
  });
}

/** Fields of what a field holds: an object, the items of a list, or either of several forms. */
function nested(value: unknown, path: string): SchemaField[] {
  const parsed = node.parse(value);
  const within = fieldsOf(value, `${path}.`);
  const items = parsed.items === undefined ? [] : nested(parsed.items, `${path}[]`);
  return [...within, ...items, ...forms(parsed).flatMap((form) => nested(form, path))];
}

function describe(path: string, parsed: Node, required: boolean): SchemaField {
  const { description = "", default: standard } = parsed;
  return { path, type: typeName(parsed), required, default: standard, range: range(parsed), description };
}

function forms(parsed: Node): readonly unknown[] {
  return parsed.anyOf ?? parsed.oneOf ?? [];
}

function typeName(parsed: Node): string {
  const alternatives = forms(parsed).map((form) => typeName(node.parse(form)));
  if (alternatives.length > 0) return alternatives.join(" or ");
  return parsed.type.map((type) => longName(type, parsed)).join(" or ") || "any value";
}

function longName(type: string, parsed: Node): string {
  if (type === "array") return `list of ${typeName(node.parse(parsed.items ?? {}))}`;
  if (type !== "object" || Object.keys(parsed.properties).length > 0) return type;
  const values = node.safeParse(parsed.additionalProperties);
  return values.success ? `map of ${typeName(values.data)}` : type;
}

function range(parsed: Node): string {
  const values = parsed.const === undefined ? parsed.enum : [parsed.const];
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(", ");
  const parts = [
    between(parsed.minimum, parsed.maximum, ""),
    between(parsed.minLength, parsed.maxLength, " characters"),
    between(parsed.minItems, parsed.maxItems, " entries"),
    ...forms(parsed).map((form) => range(node.parse(form))),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** The bounds of a number; those that every integer has say nothing. */
function between(least: number | undefined, most: number | undefined, unit: string): string {
  const lower = least === Number.MIN_SAFE_INTEGER ? undefined : least;
  const upper = most === Number.MAX_SAFE_INTEGER ? undefined : most;
  if (lower === undefined && upper === undefined) return "";
  if (upper === undefined) return `${lower} or more${unit}`;
  return lower === undefined ? `at most ${upper}${unit}` : `${lower} to ${upper}${unit}`;
}
