/** The shape of a public operation: one definition from which CLI, SDK, MCP tools and the reference are read. */
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { ErrorCode } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import type { Engine, ProjectSource } from "../engine.ts";

/** What an operation does to the world: MCP annotations and confirmation rules follow from it. */
export type Effect = "read" | "write" | "destroy";

/** Where an operation may reach beyond the guest: it writes to this machine, or the guest's programs connect where they may. */
export type Crossing = "host" | "network";

/** What a handler may use beside its input. */
export interface OperationContext {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Standard input for the guest command, where the caller has one */
  readonly stdin: Readable | undefined;
  /** What a workspace begins with that is told nothing */
  readonly project?: ProjectSource | undefined;
}

/** What a handler may return: the output, which nobody is going to change. */
type Unchanging<T> = T extends object ? { readonly [K in keyof T]: Unchanging<T[K]> } : T;

/** Fields of the form with parts, and what they stand for. */
export interface NestedFields<N extends z.ZodObject = z.ZodObject> {
  readonly fields: N;
  /** Flat fields that they stand for */
  readonly replaces: readonly string[];
  /** Input in flat fields alone */
  flatten(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

/** A public operation. Inputs are flat: scalars, lists of strings, maps of strings. */
export interface Operation<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
  N extends z.ZodObject = z.ZodObject,
> {
  readonly names: { readonly cli: string; readonly sdk: string; readonly mcp?: string };
  /** Imperative, no final period */
  readonly summary: string;
  readonly description: string;
  /** One command line that works as typed */
  readonly example: string;
  readonly effect: Effect;
  readonly crosses?: Crossing;
  readonly input: I;
  readonly output: O;
  readonly errors: readonly ErrorCode[];
  /** Fields that the CLI takes by position; a final one of type list takes everything after `--` */
  readonly positional: readonly (keyof z.infer<I> & string)[];
  /** The guest command's own exit status is the CLI's, and pyro's failures are 125 */
  readonly passes_exit_status?: boolean;
  /** What the guest printed goes to the CLI's own standard output and error as it comes, and is not shown again */
  readonly streams_output?: boolean;
  /** Whether the guest's command gets the caller's standard input: where it is piped, or where the CLI is told so by --stdin */
  readonly stdin?: "always" | "asked";
  /** Map fields whose flag may be a key alone, which then stands for itself or for the caller's variable of that name; what is private is never quoted */
  readonly map_flags?: Readonly<
    Record<string, { readonly alone?: "itself" | "variable"; readonly is_private?: boolean }>
  >;
  /** Flags of the CLI that print one text field of the output, and nothing else */
  readonly only?: Readonly<Record<string, string>>;
  /** Text fields that the CLI also takes from a file, by the flag that names the file */
  readonly from_file?: Readonly<Record<string, string>>;
  /** Fields that programs and models give in a form with parts, which stand for flat ones */
  readonly nested?: NestedFields<N>;
  handle(input: z.infer<I>, context: OperationContext): Promise<Unchanging<z.infer<O>>>;
}

/** Types a definition without widening its schemas. */
export function operation<I extends z.ZodObject, O extends z.ZodType, N extends z.ZodObject = never>(
  definition: Operation<I, O, N>,
): Operation<I, O, N> {
  return definition;
}
