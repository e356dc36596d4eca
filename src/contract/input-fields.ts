/** Reads the fields of an operation's input off its schema, for the CLI and the reference. */
import { z } from "zod";

/** One input field as a surface needs it. */
export interface InputField {
  readonly name: string;
  readonly type: "boolean" | "integer" | "string" | "list" | "map";
  readonly description: string;
  readonly required: boolean;
  readonly default: unknown;
  readonly choices: readonly string[] | undefined;
}

const text = z.looseObject({ type: z.literal("string") });

const common = { description: z.string().default(""), default: z.unknown().optional() };

/** JSON Schema of a flat field; anything else is none. */
const property = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("boolean"), ...common }),
  z.looseObject({ type: z.literal("integer"), ...common }),
  z.looseObject({ type: z.literal("string"), ...common, enum: z.array(z.string()).optional() }),
  z.looseObject({ type: z.literal("array"), ...common, items: text }),
  z.looseObject({ type: z.literal("object"), ...common, additionalProperties: text }),
]);

const kinds = { boolean: "boolean", integer: "integer", string: "string", array: "list", object: "map" } as const;

/** The fields of `schema` in their order. Throws where a field is not flat. */
export function inputFields(schema: z.ZodObject): InputField[] {
  const document = z.toJSONSchema(schema, { io: "input" });
  const required = new Set(document.required ?? []);
  return Object.entries(document.properties ?? {}).map(([name, value]) => {
    const parsed = property.safeParse(value);
    if (!parsed.success) throw new Error(`input field ${name} is not flat: ${JSON.stringify(value)}`);
    return {
      name,
      type: kinds[parsed.data.type],
      description: parsed.data.description,
      required: required.has(name),
      default: parsed.data.default,
      choices: parsed.data.type === "string" ? parsed.data.enum : undefined,
    };
  });
}
