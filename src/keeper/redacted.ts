/** What a keeper answers and tells, without the values of its workspace's secrets. */
import type { OperationEvent } from "../contract/progress.ts";
import { redactedError } from "../workspaces/secrets/redacted-error.ts";
import type { Redactor } from "../workspaces/secrets/redactor.ts";
import type { CallContext, Method } from "./control-server.ts";
import type { KeeperMethods } from "./methods.ts";

/** Fields that have to be what they are: a patch that was changed would not apply. */
const leftAlone: { readonly [Name in keyof KeeperMethods]?: readonly string[] } = { diff: ["patch"] };

/** The same methods; output of commands comes to them redacted already. */
export function redactedMethods(
  methods: Readonly<Record<string, Method>>,
  redactor: () => Redactor,
): Record<string, Method> {
  const left = new Map(Object.entries(leftAlone));
  const redacted = (name: string, method: Method): Method => {
    return async (input, context) => {
      try {
        const result = await method(input, quietly(context, redactor));
        return resultOf(redactor(), result, left.get(name) ?? []);
      } catch (thrown) {
        throw redactedError(redactor(), thrown);
      }
    };
  };
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, redacted(name, method)]));
}

function quietly(context: CallContext, redactor: () => Redactor): CallContext {
  const emit = (event: OperationEvent) =>
    context.emit("data" in event ? event : { ...event, message: redactor().text(event.message) });
  return { ...context, emit };
}

function resultOf(redactor: Redactor, result: unknown, left: readonly string[]): unknown {
  if (redactor.isIdle || typeof result !== "object" || result === null) return result;
  const fields: readonly (readonly [string, unknown])[] = Object.entries(result);
  const exact = fields.filter(([name]) => left.includes(name));
  const others = fields.filter(([name]) => !left.includes(name));
  return { ...redactor.document(Object.fromEntries(others)), ...Object.fromEntries(exact) };
}
