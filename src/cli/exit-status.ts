/** Which exit status a result and an error give. */
import { errorTable, exitStatusOfKind, toPyroError } from "../contract/errors.ts";
import type { Operation } from "../operations/operation.ts";

/** Exit status of pyro's own failures where the guest command's status is passed on. */
const OWN_FAILURE_STATUS = 125;

/** The guest command's own where it is passed on; 1 for an examination that found this machine wanting. */
export function resultStatus(op: Operation, result: unknown): number {
  const fields = result as { exit_code?: number; healthy?: boolean };
  if (op.passes_exit_status === true) return fields.exit_code ?? 0;
  return fields.healthy === false ? 1 : 0;
}

/** Wrong usage is 2 everywhere; what a shell has a status for has that; the rest follows its kind, or is 125 where a command's status is passed on. */
export function ownStatus(thrown: unknown, passes_exit_status: boolean): number {
  const error = toPyroError(thrown);
  const status = errorTable[error.code].exitStatus;
  if (status !== undefined) return status;
  if (error.kind === "usage" && error.code !== "argument_too_long") return exitStatusOfKind.usage;
  return passes_exit_status ? OWN_FAILURE_STATUS : exitStatusOfKind[error.kind];
}
