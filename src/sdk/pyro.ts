/** The `Pyro` class: one typed method per operation, read off the operations tree. */
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Emit } from "../contract/progress.ts";
import type { ServerOptionsInput } from "../contract/server-options.ts";
import { createEngine, type Engine } from "../engine.ts";
import { createServer, serverOver } from "../mcp/create-server.ts";
import type { PyroMcpServer } from "../mcp/pyro-mcp-server.ts";
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

/** Input in flat fields, or with parts where the operation has such a form. */
type MethodInput<Op> =
  Op extends Operation<infer I, z.ZodType, infer N>
    ? [N] extends [never]
      ? z.input<I>
      : z.input<I> & z.input<N>
    : never;

type Method<Op extends Operation> =
  Record<string, never> extends MethodInput<Op>
    ? (input?: MethodInput<Op>, options?: CallOptions) => Promise<z.infer<Op["output"]>>
    : (input: MethodInput<Op>, options?: CallOptions) => Promise<z.infer<Op["output"]>>;

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

/** An opened pyro. */
export type Pyro = PyroMethods & {
  /** The MCP server over the same workspaces. Throws `PyroError` for options that cannot be. */
  readonly createServer: (options?: ServerOptionsInput) => PyroMcpServer;
};

/** How pyro is opened; its server is there without that too. */
interface PyroClass {
  new (): Pyro;
  readonly createServer: (options?: ServerOptionsInput) => PyroMcpServer;
}

/** Opens pyro in this process. */
export const Pyro: PyroClass = class {
  static readonly createServer = createServer;
  readonly createServer: Pyro["createServer"];

  constructor() {
    const engine = createEngine();
    Object.assign(this, methodsOver(engine));
    this.createServer = (options = {}) => serverOver(options, { engine: () => engine });
  }
} as unknown as PyroClass;
