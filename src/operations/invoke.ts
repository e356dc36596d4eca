/** The only way into an operation: check the input, run, check the answer, keep errors inside the catalogue. */
import type { z } from "zod";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Operation, OperationContext } from "./operation.ts";

/** Runs `op`; throws `PyroError` and nothing else. */
export async function invoke<I extends z.ZodObject, O extends z.ZodType>(
  op: Operation<I, O>,
  input: unknown,
  context: OperationContext,
): Promise<z.infer<O>> {
  const parsed = op.input.safeParse(flat(op, input));
  if (!parsed.success) throw inputError(op, parsed.error);
  // A signal of its own: a caller's may be shared by any number of calls.
  const signal = AbortSignal.any([context.signal]);
  try {
    signal.throwIfAborted();
    return op.output.parse(await op.handle(parsed.data, { ...context, signal }));
  } catch (thrown) {
    throw context.signal.aborted && !(thrown instanceof PyroError) ? cancelled(op) : toPyroError(thrown);
  }
}

/** Input in flat fields, where it has parts. */
function flat(op: Operation, input: unknown): unknown {
  if (op.nested === undefined || typeof input !== "object" || input === null) return input;
  const parsed = op.nested.fields.safeParse(input);
  if (!parsed.success) throw inputError(op, parsed.error);
  return op.nested.flatten({ ...input });
}

function cancelled(op: Operation): PyroError {
  return new PyroError("cancelled", `${op.names.cli} was cancelled`);
}

function inputError(op: Pick<Operation, "names">, error: z.ZodError): PyroError {
  const issues = error.issues.map((issue) => ({ field: issue.path.join("."), problem: issue.message }));
  const message = issues.map(({ field, problem }) => (field === "" ? problem : `${field}: ${problem}`)).join("; ");
  return new PyroError("invalid_input", message, { hint: `pyro ${op.names.cli} --help`, details: { issues } });
}
