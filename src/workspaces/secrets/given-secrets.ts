/** Secrets as a caller gives them: read where they are, checked, and never quoted. */
import { PyroError, toPyroError } from "../../contract/errors.ts";
import { readInput } from "../../platform/terminal.ts";
import { SHORTEST_FORM } from "./forms.ts";
import type { Secret } from "./sealed.ts";
import { SECRET_NAME } from "./secrets.ts";

/** Most secrets of a workspace, longest value, and all values together, in bytes (docs/design/limits.md). */
const secretLimits = { count: 64, value_bytes: 65_536, all_bytes: 524_288 } as const;

export interface SecretsInput {
  /** Values by name */
  readonly secret?: Readonly<Record<string, string>> | undefined;
  /** Paths of files with values by name; - is standard input */
  readonly secret_file?: Readonly<Record<string, string>> | undefined;
}

export interface GivenSecret extends Secret {
  readonly source: "value" | "file";
}

/** Reads and checks them, in the order of their names. Throws `secret_invalid`. */
export async function givenSecrets({ secret = {}, secret_file = {} }: SecretsInput): Promise<GivenSecret[]> {
  const texts = Object.entries(secret);
  const files = Object.entries(secret_file);
  const names = [...texts, ...files].map(([name]) => name);
  checkNames(names);
  if (files.filter(([, path]) => path === "-").length > 1)
    throw invalid("Only one secret can come from standard input");
  const given: GivenSecret[] = texts.map(([name, text]) => ({
    name,
    source: "value",
    value: Buffer.from(text, "utf8"),
  }));
  for (const [at, [name, path]] of files.entries())
    given.push({ name, source: "file", value: await contentOf(path, `secret file ${at + 1} of ${files.length}`) });
  for (const [at, { value }] of given.entries()) checkValue(value, `secret ${at + 1} of ${given.length}`);
  if (given.reduce((sum, { value }) => sum + value.length, 0) > secretLimits.all_bytes)
    throw invalid(`All values together are longer than ${secretLimits.all_bytes} bytes`);
  return given.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** What stands in the place of a name may be a value: it is not quoted. */
function checkNames(names: readonly string[]): void {
  const { count } = secretLimits;
  if (names.length > count) throw invalid(`${names.length} secrets are more than ${count}`);
  if (!names.every((name) => SECRET_NAME.test(name)))
    throw invalid("A secret's name must be 1 to 64 letters, digits and underscores, and begin with no digit");
  if (names.some((name) => name.startsWith("PYRO_")))
    throw invalid("A secret's name must not begin with PYRO_: pyro hands variables of such names on to its processes");
  if (new Set(names).size < names.length) throw invalid("Two secrets have the same name");
}

function checkValue(value: Buffer, which: string): void {
  const text = value.toString("latin1");
  if (value.length > secretLimits.value_bytes)
    throw invalid(`The value of ${which} is longer than ${secretLimits.value_bytes} bytes`);
  if (text.includes("\0")) throw invalid(`The value of ${which} holds a NUL`);
  if (text.trim().length < SHORTEST_FORM)
    throw invalid(
      `The value of ${which} is shorter than ${SHORTEST_FORM} bytes`,
      "What is that short turns up in ordinary words, which would be blanked: pass it as an argument or a file",
    );
}

async function contentOf(path: string, which: string): Promise<Buffer> {
  try {
    const bytes = await readInput(path, secretLimits.value_bytes);
    if (bytes !== undefined) return bytes;
  } catch (thrown) {
    const { errno } = toPyroError(thrown).details;
    const why = typeof errno === "string" ? `: ${errno}` : "";
    throw invalid(`${which} cannot be read${why}`);
  }
  throw invalid(`${which} is longer than ${secretLimits.value_bytes} bytes`);
}

function invalid(message: string, hint?: string): PyroError {
  return new PyroError("secret_invalid", message, hint === undefined ? {} : { hint });
}
