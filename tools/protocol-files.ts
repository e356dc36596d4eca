/** The guest protocol as data that both languages read: the schema and the examples of every message. */
import { z } from "zod";
import {
  MAX_RECORD_BYTES,
  MAX_REPLY_BYTES,
  type MessageName,
  messages,
  PROTOCOL_VERSION,
  recordKind,
} from "../src/wire/messages.ts";
import { protocolExamples } from "./protocol-examples.ts";
import { REGENERATE } from "./reference/markdown.ts";

const GENERATED = `Generated from src/wire/messages.ts by ${REGENERATE}; edits here are lost.`;

const names = (Object.keys(messages) as MessageName[]).sort();

/** `protocol/schema.json`: the JSON Schema of every message, with the protocol's constants. */
export function protocolSchemaFile(): string {
  const schemas = Object.fromEntries(names.map((name) => [name, sorted(schemaOf(name))]));
  const constants = {
    protocol_version: PROTOCOL_VERSION,
    max_record_bytes: MAX_RECORD_BYTES,
    max_reply_bytes: MAX_REPLY_BYTES,
  };
  return json({ $comment: GENERATED, ...constants, record_kinds: recordKind, messages: schemas });
}

/** `protocol/examples.json`: a list of examples by message name. Throws where one does not fit its schema. */
export function protocolExamplesFile(): string {
  return json(
    Object.fromEntries(names.map((name) => [name, protocolExamples[name].map((example) => checked(name, example))])),
  );
}

function schemaOf(name: MessageName): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(messages[name]);
  return schema;
}

function checked(name: MessageName, example: unknown): unknown {
  const parsed = messages[name].safeParse(example);
  if (!parsed.success) throw new Error(`an example of ${name} does not fit its schema: ${parsed.error.message}`);
  if (JSON.stringify(sorted(parsed.data)) !== JSON.stringify(sorted(example)))
    throw new Error(`an example of ${name} changes when it is parsed`);
  return example;
}

/** A copy of a JSON value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
