/** What was done to a workspace beside its commands, since its last reset: a line each, in the order in which it was done. */
import { z } from "zod";
import { toPyroError } from "../../contract/errors.ts";
import { appendLine, readLines } from "../../platform/named-files.ts";
import type { Redactor } from "../secrets/redactor.ts";

const entry = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("sync"), at: z.string(), dest: z.string(), entry_count: z.int(), bytes: z.int() }),
  z.strictObject({ kind: z.literal("file_write"), at: z.string(), path: z.string(), bytes: z.int() }),
  z.strictObject({ kind: z.literal("patch"), at: z.string(), files: z.array(z.string()), file_count: z.int() }),
  z.strictObject({ kind: z.literal("snapshot"), at: z.string(), name: z.string(), is_deleted: z.boolean() }),
  z.strictObject({ kind: z.literal("export"), at: z.string(), path: z.string(), output: z.string(), bytes: z.int() }),
]);

export type JournalEntry = Readonly<z.infer<typeof entry>>;
type Untimed<E> = E extends unknown ? Omit<E, "at"> : never;

/** Writes what comes after a change: where the host's disk is full by then, the change is none the less made. */
export function tolerably(write: () => void): void {
  try {
    write();
  } catch (thrown) {
    process.stderr.write(`${toPyroError(thrown).message}\n`);
  }
}

/** The journal in a file. What a killed process left half written is passed over. */
export class Journal {
  readonly #path: string;
  readonly #redactor: Redactor | undefined;

  constructor(path: string, redactor?: Redactor) {
    this.#path = path;
    this.#redactor = redactor;
  }

  note(what: Untimed<JournalEntry>): void {
    const noted = this.#redactor?.document(what) ?? what;
    tolerably(() => appendLine(this.#path, JSON.stringify({ ...noted, at: new Date().toISOString() })));
  }

  entries(): JournalEntry[] {
    return readLines(this.#path).flatMap((line) => {
      try {
        return entry.safeParse(JSON.parse(line)).data ?? [];
      } catch {
        return [];
      }
    });
  }
}
