/** The process of `pyro mcp serve`: reads its flags, serves until the client goes or a signal comes, and ends. */
import { parseArgs } from "node:util";
import { exitStatusOfKind, PyroError, toPyroError } from "../contract/errors.ts";
import { inputFields } from "../contract/input-fields.ts";
import { checkedOptions, type ServeOptions, serveOptions } from "../contract/server-options.ts";
import { onInterruption } from "../platform/signals.ts";
import { allWritten, exitNow, writeAll } from "../platform/terminal.ts";
import { type OwnParts, partsOf } from "./parts.ts";

/** How long a client may take to read the last answers, in milliseconds. */
const LAST_WORDS_MS = 50;

/** Serves as the words after `pyro mcp serve` ask for, and exits. */
export async function main(args: readonly string[]): Promise<void> {
  await ending(async () => serving(checkedOptions(serveOptions, flagsOf(args)), {}));
}

/** The same with options by name. */
export async function serve(options: unknown, own: OwnParts = {}): Promise<void> {
  await ending(async () => serving(checkedOptions(serveOptions, options), own));
}

async function serving(options: ServeOptions, own: OwnParts): Promise<void> {
  const { http, ...server } = options;
  const { signal } = onInterruption();
  const parts = partsOf(server, own);
  if (http === undefined) await (await import("./stdio.ts")).serveOverStdio(parts, signal);
  else await (await import("./http.ts")).serveOverHttp(parts, http, signal);
}

async function ending(action: () => Promise<void>): Promise<never> {
  try {
    await action();
  } catch (thrown) {
    const error = toPyroError(thrown);
    await writeAll(2, Buffer.from(`pyro: ${error.message}\nhint: ${error.hint}\n`)).catch(() => {});
    exitNow(exitStatusOfKind[error.kind]);
  }
  await allWritten(LAST_WORDS_MS);
  exitNow(0);
}

/** Flags by the names of the options. Throws `invalid_input`. */
export function flagsOf(args: readonly string[]): Readonly<Record<string, unknown>> {
  const fields = inputFields(serveOptions);
  const options = Object.fromEntries(
    fields.map(({ name, type }) => [
      name.replaceAll("_", "-"),
      { type: type === "boolean" ? ("boolean" as const) : ("string" as const), multiple: type === "list" },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replaceAll("-", "_"), value]));
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new PyroError("invalid_input", message, { hint: "pyro mcp serve --help" });
  }
}
