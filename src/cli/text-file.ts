/** Text that a command takes from a file or from standard input. */
import { PyroError } from "../contract/errors.ts";
import { readInput } from "../platform/terminal.ts";

/** Longest text, in bytes: the largest file that is written in one call. */
const MAX_BYTES = 64 * 1_048_576;

/** The content of a file, of standard input for `-`; throws `invalid_input` where that is not text. */
export async function textFrom(path: string): Promise<string> {
  const bytes = await readInput(path, MAX_BYTES);
  const shown = path === "-" ? "standard input" : `"${path}"`;
  if (bytes === undefined) throw new PyroError("too_large", `${shown} has more than ${MAX_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PyroError("invalid_input", `${shown} is not UTF-8 text`, {
      hint: "pyro workspace sync push carries files of any content",
    });
  }
}
