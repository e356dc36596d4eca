/** The `Pyro` class: one typed method per operation, read off the operations tree. */
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Emit } from "../contract/progress.ts";
import { createEngine, type Engine } from "../engine.ts";
import { operations } from "../operations/index.ts";
import { invoke } from "../operations/invoke.ts";
import type { Operation } from "../operations/operation.ts";

/** What a call may be given beside its input. */
export interface CallOptions {
  /** Cancels the call; what it started is gone when it rejects */
  readonly signal?: AbortSignal;
  /** Receives progress, warnings and output as they come; output waits for the promise it returns */
  readonly onEvent?: Emit;
  /** Standard input of the guest command */
  readonly stdin?: Readable;
}

type Operations = typeof operations;

type Method<Op extends Operation> =
  Record<string, never> extends z.input<Op["input"]>
    ? (input?: z.input<Op["input"]>, options?: CallOptions) => Promise<z.infer<Op["output"]>>
    : (input: z.input<Op["input"]>, options?: CallOptions) => Promise<z.infer<Op["output"]>>;

/** The SDK's methods, typed by the operations' schemas. Every one rejects with `PyroError` and nothing else. */
export type PyroMethods = { readonly [Name in keyof Operations]: Method<Operations[Name]> };

/** Makes the methods over an engine; what `Pyro` and tests with a machine of their own share. */
export function methodsOver(engine: Engine): PyroMethods {
  const call =
    (op: Operation) =>
    (input: unknown = {}, options: CallOptions = {}) =>
      invoke(op, input, {
        engine,
        signal: options.signal ?? new AbortController().signal,
        emit: options.onEvent ?? (() => {}),
        stdin: options.stdin,
      });
  const methods = Object.fromEntries(Object.entries(operations).map(([name, op]) => [name, call(op)]));
  return methods as unknown as PyroMethods;
}

/** Opens pyro in this process. */
export const Pyro: new () => PyroMethods = class {
  constructor() {
    Object.assign(this, methodsOver(createEngine()));
  }
} as unknown as new () => PyroMethods;

/** An opened pyro. */
export type Pyro = PyroMethods;
