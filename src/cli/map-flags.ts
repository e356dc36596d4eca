/** Flags whose value is a key with a value, or a key alone; those that may carry a secret are never quoted. */
import { PyroError } from "../contract/errors.ts";
import type { InputField } from "../contract/input-fields.ts";
import type { Operation } from "../operations/operation.ts";

/** What stands behind such a flag in help. */
export function mapValue({ map_flags = {} }: Operation, { name }: InputField): string {
  return map_flags[name]?.alone === undefined ? "<key=value>" : "<key[=value]>";
}

/** The map that some uses of a flag make. Throws `invalid_input`. */
export function mapOf(op: Operation, field: InputField, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => pair(op, field, text)));
}

function pair({ names, map_flags = {} }: Operation, { name }: InputField, text: string): [string, string] {
  const { alone, is_private } = map_flags[name] ?? {};
  const flag = `--${name.replaceAll("_", "-")}`;
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  if (at < 0 && text !== "" && alone === "itself") return [text, text];
  const { env } = process;
  const variable = at < 0 && alone === "variable" ? env[text] : undefined;
  if (variable !== undefined) return [text, variable];
  const given = is_private === true ? "what it was given" : `"${text}"`;
  const orVariable = alone === "variable" ? ", nor the name of an exported variable" : "";
  throw new PyroError("invalid_input", `${flag}: ${given} is not KEY=VALUE${orVariable}`, {
    hint: `pyro ${names.cli} --help`,
  });
}

/** A message about an option without what was given to it. */
export function withoutValue(message: string): string {
  return message.replace(/^(unknown option '--?[^'=]*)=.*'/s, "$1'");
}
