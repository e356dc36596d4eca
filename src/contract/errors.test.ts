/** The error table and what is thrown from it. */
import { describe, expect, it } from "vitest";
import { type ErrorCode, errorTable, exitStatusOfKind, PyroError, toPyroError } from "./errors.ts";

describe("the error table", () => {
  it.each(Object.entries(errorTable))("%s has a name, a kind, a meaning and a hint", (code, row) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(Object.keys(exitStatusOfKind)).toContain(row.kind);
    expect(row.meaning).toMatch(/^\S.*[^.]$/);
    expect(row.hint).toMatch(/^\S.*[^.]$/);
  });

  it("gives usage 2, internal 70 and the rest 1", () => {
    expect(exitStatusOfKind).toEqual({ usage: 2, missing: 1, conflict: 1, host: 1, guest: 1, internal: 70 });
  });
});

describe("PyroError", () => {
  it("takes kind and hint from the table", () => {
    const error = new PyroError("boot_timeout", "no answer in 15 s");
    expect(error).toBeInstanceOf(Error);
    expect([error.kind, error.hint, error.details]).toEqual(["guest", errorTable.boot_timeout.hint, {}]);
  });

  it("becomes the four fields of an error document", () => {
    const error = new PyroError("invalid_input", "bad", {
      hint: "do this",
      details: { field: "x" },
      cause: new Error("secret"),
    });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: "invalid_input",
      message: "bad",
      hint: "do this",
      details: { field: "x" },
    });
  });
});

describe("toPyroError", () => {
  it("leaves a PyroError as it is", () => {
    const error = new PyroError("cancelled", "stopped");
    expect(toPyroError(error)).toBe(error);
  });

  it.each([new TypeError("broken"), "broken"])("makes %s a defect with its cause", (thrown) => {
    const error = toPyroError(thrown);
    expect<[ErrorCode, string]>([error.code, error.message]).toEqual(["internal_error", "broken"]);
    expect(error.cause).toBe(thrown);
  });
});
