/** Errors without the values of secrets. */
import { PyroError } from "../../contract/errors.ts";
import type { Redactor } from "./redactor.ts";

/** The same error, where it holds no value; its cause, which nobody is shown who should not be, is left behind otherwise. */
export function redactedError<T>(redactor: Redactor, thrown: T): T | PyroError {
  if (redactor.isIdle || !(thrown instanceof Error)) return thrown;
  if (!(thrown instanceof PyroError)) return new PyroError("internal_error", redactor.text(thrown.message, false));
  const { code, message, hint, details } = thrown.toJSON();
  return new PyroError(code, redactor.text(message, false), {
    hint: redactor.text(hint),
    details: redactor.document(details),
  });
}
