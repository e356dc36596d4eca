/** JSON Schemas of tools: those of the operations, without what a surface leaves out and without what costs a model words and tells it nothing. */
import { z } from "zod";
import type { Operation } from "../operations/operation.ts";

/** A JSON Schema of an object, as `tools/list` carries it. */
export interface ObjectSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

/** What a tool says of an input field in its own words, or that it has another default. */
export interface FieldText {
  readonly description?: string;
  readonly default?: unknown;
}

type Node = Readonly<Record<string, unknown>>;

const object = z.looseObject({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).default([]),
});

/** Keywords that the operation checks itself, and words tell. */
const dropped = new Set(["$schema", "pattern", "minLength", "maxLength", "minItems", "maxItems", "propertyNames"]);

/** The input of `op` without the fields in `hidden`; `own` comes last, with fields that only this surface has. */
export function inputSchema(
  op: Operation,
  hidden: ReadonlySet<string>,
  texts: Readonly<Record<string, FieldText>>,
  own: Readonly<Record<string, Node>>,
): ObjectSchema {
  const { properties, required } = object.parse(z.toJSONSchema(op.input, { io: "input" }));
  const nested = op.nested && object.parse(z.toJSONSchema(op.nested.fields, { io: "input" })).properties;
  const shown = Object.entries({ ...properties, ...nested }).filter(
    ([name]) => !hidden.has(name) && !op.nested?.replaces.includes(name),
  );
  const described = shown.map(([name, field]) => [name, { ...lean(field), ...texts[name] }] as const);
  const needed = required.filter((name) => !hidden.has(name) && texts[name]?.default === undefined);
  return {
    type: "object",
    properties: { ...Object.fromEntries(described), ...own },
    ...(needed.length > 0 && { required: needed }),
    additionalProperties: false,
  };
}

/** The output of `op` by the types of its fields; what they hold is told by the answer itself. */
export function outputSchema(
  op: Operation,
  hidden: ReadonlySet<string>,
  own: Readonly<Record<string, Node>>,
): ObjectSchema {
  const { properties } = object.parse(z.toJSONSchema(op.output, { io: "output" }));
  const shown = Object.entries(properties).filter(([name]) => !hidden.has(name));
  return {
    type: "object",
    properties: { ...Object.fromEntries(shown.map(([name, field]) => [name, kind(field)])), ...own },
  };
}

function lean(value: Node): Node {
  const entries = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    if (dropped.has(key) || isEveryInteger(key, each)) return [];
    return [[key, leanWithin(each)]];
  });
  return Object.fromEntries(entries);
}

function leanWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(leanWithin);
  return typeof value === "object" && value !== null ? lean({ ...value }) : value;
}

/** Bounds that every integer has say nothing. */
function isEveryInteger(key: string, value: unknown): boolean {
  return (key === "minimum" || key === "maximum") && Math.abs(Number(value)) >= Number.MAX_SAFE_INTEGER;
}

/** The type of a field; one that may be null says so in the form that every host reads. */
function kind(value: Node): Node {
  const types = [...new Set(typesOf(value))];
  return types.length === 1 ? { type: types[0] } : { anyOf: types.map((type) => ({ type })) };
}

function typesOf(value: Node): unknown[] {
  return Array.isArray(value["anyOf"]) ? value["anyOf"].flatMap(typesOf) : [value["type"]].flat();
}
