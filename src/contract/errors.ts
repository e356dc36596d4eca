/** Every error pyro can answer with: one row each, so that code, kind, exit status and wording live in one place. */
import type { ErrorKind, ErrorRow } from "./error-row.ts";
import { layerErrors } from "./layer-errors.ts";
import { machineErrors } from "./machine-errors.ts";
import { mcpErrors } from "./mcp-errors.ts";
import { networkErrors } from "./network-errors.ts";
import { projectErrors } from "./project-errors.ts";
import { registryErrors } from "./registry-errors.ts";
import { secretErrors } from "./secret-errors.ts";
import { serviceErrors } from "./service-errors.ts";
import { treeErrors } from "./tree-errors.ts";
import { workspaceErrors } from "./workspace-errors.ts";

/** CLI exit status of each kind; `run` and `workspace exec` answer 125 for pyro's own failures instead. */
export const exitStatusOfKind: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  missing: 1,
  conflict: 1,
  host: 1,
  guest: 1,
  internal: 70,
};

const rows = {
  ...machineErrors,
  ...treeErrors,
  ...workspaceErrors,
  ...serviceErrors,
  ...secretErrors,
  ...networkErrors,
  ...mcpErrors,
  ...projectErrors,
  ...registryErrors,
  ...layerErrors,
} as const satisfies Record<string, ErrorRow>;

/** Stable name of an error. */
export type ErrorCode = keyof typeof rows;

/** The table, for the reference and the golden file. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = rows;

/** Values that belong to an error; never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** The one shape of an error on every surface. */
export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
}

/** What every operation throws; anything else that is thrown is a defect and becomes `internal_error`. */
export class PyroError extends Error {
  override readonly name = "PyroError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, more: { hint?: string; details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint ?? rows[code].hint;
    this.details = more.details ?? {};
  }

  get kind(): ErrorKind {
    return rows[this.code].kind;
  }

  toJSON(): ErrorDocument {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }
}

/** Turns anything thrown into a `PyroError`, keeping the cause. */
export function toPyroError(thrown: unknown): PyroError {
  if (thrown instanceof PyroError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new PyroError("internal_error", message, { cause: thrown });
}
