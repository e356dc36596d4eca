/** Looks for the value of a secret where none may be: files below a directory, processes of this host, anything that was answered. */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { toPyroError } from "../../src/contract/errors.ts";
import type { OperationEvent } from "../../src/contract/progress.ts";
import type { PyroMethods } from "../../src/sdk/pyro.ts";

const CHUNK_BYTES = 4 * 1_048_576;

/** A value in the forms that a mishap would leave: written here anew, and not as the redactor has them. */
export function tracesOf(value: string): Buffer[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .slice(offset + 1, -4),
  );
  const texts = [bytes.toString("hex"), bytes.toString("hex").toUpperCase(), ...base64, encodeURIComponent(value)];
  return [bytes, Buffer.from(JSON.stringify(value).slice(1, -1)), ...texts.map((text) => Buffer.from(text))];
}

/** Files below `directory` that hold one of the values; not those in the memory of fake machines. */
export function filesWith(directory: string, values: readonly string[]): string[] {
  const traces = values.flatMap(tracesOf);
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (name) => !/pyro-fake-[^/]*\/secrets\//.test(name) && holds(join(directory, name), traces),
  );
}

/** Processes that have one of the values in their arguments or variables. */
export function processesWith(values: readonly string[]): string[] {
  const traces = values.flatMap(tracesOf);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
    .filter((path) => traces.some((trace) => content(path).includes(trace)));
}

function holds(path: string, traces: readonly Buffer[]): boolean {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const overlap = Math.max(...traces.map(({ length }) => length));
  const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
  const zeros = Buffer.alloc(buffer.length);
  const fd = openSync(path, "r");
  try {
    for (let at = 0; ; at += CHUNK_BYTES) {
      const read = readSync(fd, buffer, 0, buffer.length, at);
      const bytes = buffer.subarray(0, read);
      const isHole = bytes.equals(zeros.subarray(0, read));
      if (!isHole && traces.some((trace) => bytes.includes(trace))) return true;
      if (read < buffer.length) return false;
    }
  } finally {
    closeSync(fd);
  }
}

function content(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The same methods, with everything they answer, throw and tell written down. */
export function overheard(pyro: PyroMethods): { readonly pyro: PyroMethods; said(): string } {
  const heard: string[] = [];
  const listen = (method: (input: object, options: object) => Promise<unknown>) => (input: object) => {
    const onEvent = (event: OperationEvent) =>
      void heard.push("data" in event ? Buffer.from(event.data).toString("latin1") : JSON.stringify(event));
    return method(input, { onEvent }).then(
      (answer) => {
        heard.push(JSON.stringify(answer));
        return answer;
      },
      (thrown: unknown) => {
        const error = toPyroError(thrown);
        heard.push(JSON.stringify(error), String(error.stack), String(error.cause));
        throw thrown;
      },
    );
  };
  const methods = Object.entries(pyro).map(([name, method]) => [name, listen(method as Parameters<typeof listen>[0])]);
  return { pyro: Object.fromEntries(methods) as PyroMethods, said: () => heard.join("\n") };
}
