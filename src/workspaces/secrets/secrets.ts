/** The secrets of one workspace in use: what its machine and its commands get, and what is kept out of sight. */
import { PyroError } from "../../contract/errors.ts";
import { Redactor } from "./redactor.ts";
import type { Secret } from "./sealed.ts";

/** Where a guest has them, one file each. */
export const SECRETS_DIRECTORY = "/run/pyro-secrets";
/** Variables are called as secrets are. */
export const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export class Secrets {
  readonly redactor: Redactor;
  readonly #values: ReadonlyMap<string, Buffer>;

  constructor(secrets: readonly Secret[]) {
    this.#values = new Map(secrets.map(({ name, value }) => [name, value]));
    this.redactor = new Redactor([...this.#values.values()]);
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** As the machine's agent takes them. */
  files(): { name: string; value: string }[] {
    return [...this.#values].map(([name, value]) => ({ name, value: value.toString("base64") }));
  }

  /** The variables that a command asks for, each by the name of its secret. Throws `secret_not_found`, `secret_invalid`. */
  env(variables: Readonly<Record<string, string>> = {}): Record<string, string> {
    return Object.fromEntries(
      Object.entries(variables).map(([name, variable]) => [checkedVariable(variable), this.#text(name)]),
    );
  }

  /** A variable has a file's text as `$(cat FILE)` gives it. */
  #text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw unknown(name, [...this.#values.keys()]);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value).replace(/\n+$/, "");
    } catch {
      throw new PyroError("secret_invalid", `The value of the secret "${name}" is not UTF-8 text`, {
        hint: `Read it in the workspace from ${SECRETS_DIRECTORY}/${name}`,
        details: { secret: name },
      });
    }
  }
}

/** Those of a workspace without any. */
export const noSecrets = new Secrets([]);

function checkedVariable(variable: string): string {
  if (SECRET_NAME.test(variable)) return variable;
  throw new PyroError("secret_invalid", "A variable's name must be 1 to 64 letters, digits and underscores", {
    hint: "Give --secret-env NAME or --secret-env NAME=VARIABLE",
  });
}

function unknown(name: string, known: readonly string[]): PyroError {
  const names = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  const shown = SECRET_NAME.test(name) ? ` "${name}"` : " of that name";
  return new PyroError("secret_not_found", `The workspace has no secret${shown}: ${names}`, {
    hint: "Secrets are given when a workspace is created",
    details: { secrets: known },
  });
}
