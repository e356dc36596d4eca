/** `invoke` is the only way in: it checks the input, checks the answer, and throws nothing but `PyroError`. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { field } from "../contract/fields.ts";
import type { Engine } from "../engine.ts";
import { invoke } from "./invoke.ts";
import { type OperationContext, operation } from "./operation.ts";

/** No operation of this file touches the engine. */
const engine = {} as Engine;

function context(signal = new AbortController().signal): OperationContext {
  return { engine, signal, emit: () => {}, stdin: undefined };
}

const define = (
  handle: (input: { mem_mib: number; command: string[] }, context: OperationContext) => Promise<{ count: number }>,
) =>
  operation({
    names: { cli: "try out", sdk: "tryOut" },
    summary: "Try it",
    description: "Only for this test.",
    example: "pyro try out",
    effect: "read",
    input: z.strictObject({ mem_mib: field.memMib, command: field.command }),
    output: z.strictObject({ count: z.int() }),
    errors: [],
    positional: [],
    handle,
  });

const counting = define(async ({ command }) => ({ count: command.length }));
const input = { command: ["true"] };

describe("invoke", () => {
  it("fills in defaults and gives the answer", async () => {
    const op = define(async ({ mem_mib }) => ({ count: mem_mib }));
    expect(await invoke(op, input, context())).toEqual({ count: 1024 });
  });

  it.each([
    [{ ...input, mem_mib: "0x10" }, 'mem_mib: "0x10" is not a whole number from 128 to 262144'],
    [{ ...input, mem_mib: 1e9 }, "mem_mib: 1000000000 is not a whole number from 128 to 262144"],
    [
      { ...input, mem_mib: Number.MAX_VALUE },
      "mem_mib: 1.7976931348623157e+308 is not a whole number from 128 to 262144",
    ],
    [{ ...input, command: ["a\0b"] }, "command.0: must not contain a NUL character"],
    [{ command: [] }, "command: a command is missing: put it after --"],
    [{ ...input, memory: 1 }, 'Unrecognized key: "memory"'],
  ])("refuses %j by name, value and range", async (bad, message) => {
    const hint = "pyro try out --help";
    await expect(invoke(counting, bad, context())).rejects.toMatchObject({ code: "invalid_input", message, hint });
  });

  it.each([undefined, null, 1, "text", []])("refuses %j as a whole", async (bad) => {
    await expect(invoke(counting, bad, context())).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("takes no field from the prototype of the input", async () => {
    const bad = JSON.parse('{"__proto__":{"mem_mib":1},"command":["true"]}');
    const op = define(async ({ mem_mib }) => ({ count: mem_mib }));
    const outcome = await invoke(op, bad, context()).catch((error: { code: string }) => error.code);
    expect([{ count: 1024 }, "invalid_input"]).toContainEqual(outcome);
  });

  it("makes an answer of the wrong shape a defect", async () => {
    const op = define(async () => JSON.parse('{"count":"many"}'));
    await expect(invoke(op, input, context())).rejects.toMatchObject({ code: "internal_error" });
  });

  it("makes anything thrown a PyroError, with its cause", async () => {
    const cause = new TypeError("broken");
    const op = define(async () => {
      throw cause;
    });
    await expect(invoke(op, input, context())).rejects.toMatchObject({
      name: "PyroError",
      code: "internal_error",
      cause,
    });
  });

  it("does not run an operation that was cancelled before", async () => {
    let ran = false;
    const op = define(async () => {
      ran = true;
      return { count: 1 };
    });
    await expect(invoke(op, input, context(AbortSignal.abort()))).rejects.toMatchObject({ code: "cancelled" });
    expect(ran).toBe(false);
  });

  it("calls what breaks because of a cancellation cancelled", async () => {
    const controller = new AbortController();
    const op = define(async (_input, { signal }) => {
      controller.abort();
      signal.throwIfAborted();
      return { count: 1 };
    });
    await expect(invoke(op, input, context(controller.signal))).rejects.toMatchObject({ code: "cancelled" });
  });
});
