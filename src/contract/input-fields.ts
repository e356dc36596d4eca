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

const property = z.object({
  type: z.string().optional(),
  description: z.string().default(""),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
});

/** The fields of `schema` in their order. Throws where a field is not flat. */
export function inputFields(schema: z.ZodObject): InputField[] {
  const document = z.toJSONSchema(schema, { io: "input" });
  const required = new Set(document.required ?? []);
  return Object.entries(document.properties ?? {}).map(([name, value]) => {
    const parsed = property.parse(value);
    return {
      name,
      type: typeOf(name, parsed.type),
      description: parsed.description,
      required: required.has(name),
      default: parsed.default,
      choices: parsed.enum,
    };
  });
}

function typeOf(name: string, type: string | undefined): InputField["type"] {
  switch (type) {
    case "boolean":
    case "integer":
    case "string":
      return type;
    case "array":
      return "list";
    case "object":
      return "map";
    default:
      throw new Error(`input field ${name} is not flat: ${type}`);
  }
}
