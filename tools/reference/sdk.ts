/** `docs/reference/sdk.md`: every method with its input, its result and its errors. */
import { operations } from "../../src/operations/index.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { code, page, table } from "./markdown.ts";
import { type SchemaField, schemaFields } from "./schema-fields.ts";

const introduction = `\`\`\`ts
import { Pyro } from "pyro-mcp";

const pyro = new Pyro();
const { exit_code, stdout } = await pyro.runInVm({ environment: "debian:12", command: ["git", "--version"] });
\`\`\`

Every method takes its input and, as a second argument, \`{ signal, onEvent, stdin }\`, all of them optional: an \`AbortSignal\` that cancels the
call, a function that receives progress, warnings and output as they come, and standard input for the guest command. Every method
rejects with \`PyroError\` and nothing else; [errors](errors.md) has the codes. Field names are the same on every surface.`;

/** The whole page. */
export function sdkReference(): string {
  const sections = Object.entries<Operation>(operations).flatMap(([name, op]) => section(name, op));
  return page("src/operations", ["# SDK", introduction, ...sections]);
}

function section(name: string, op: Operation): string[] {
  return [
    `## ${code(name)}`,
    `${op.summary}. On the command line: ${code(`pyro ${op.names.cli}`)}. Effect: ${op.effect}.`,
    op.description,
    "### Input",
    inputTable(schemaFields(op.input, "input")),
    "### Result",
    table(["Field", "Type", "Meaning"], schemaFields(op.output, "output").map(outputRow)),
    "### Errors",
    [...op.errors, "internal_error"].map(code).join(", "),
  ];
}

function inputTable(fields: readonly SchemaField[]): string {
  if (fields.length === 0) return "No fields.";
  const rows = fields.map((field) => [code(field.path), field.type, standard(field), field.range, field.description]);
  return table(["Field", "Type", "Default", "Range", "Meaning"], rows);
}

function standard(field: SchemaField): string {
  if (field.default !== undefined) return code(JSON.stringify(field.default));
  return field.required ? "required" : "none";
}

function outputRow(field: SchemaField): string[] {
  const values = field.range === "" ? "" : ` (${field.range})`;
  return [code(field.path), `${field.type}${values}`, field.description];
}
