/** What tests ask of a registry that fails: its typed error, and a wrong answer in one place. */
import type { ServerResponse } from "node:http";
import { PyroError } from "../../src/contract/errors.ts";
import type { Misbehaviour } from "./registry-server.ts";

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What a lie is about */
  readonly claim: unknown;
}

/** The error of something that has to fail with one of ours. */
export async function failureOf(action: () => Promise<unknown>): Promise<Failure> {
  const thrown = await action().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof PyroError)) throw new Error(`no typed error: ${String(thrown)}`);
  return { code: thrown.code, message: thrown.message, hint: thrown.hint, claim: thrown.details["claim"] };
}

/** Answers what is asked for at a path that ends like this. */
export function answerAt(ending: string, answer: (response: ServerResponse) => void): Misbehaviour {
  return ({ path }, response) => {
    if (!path.endsWith(ending)) return false;
    answer(response);
    return true;
  };
}
