/** Fields that the operations on shells share. */
import { z } from "zod";

const size = (what: string) => z.int().min(1).max(1_000).describe(what);

/** Input fields. */
export const shellField = {
  id: z.string().min(1).max(64).describe("Id of the shell"),
  cols: size("Characters in a line of its terminal"),
  rows: size("Lines of its terminal"),
};

/** What is said of a shell. */
export const shell = z.strictObject({
  shell_id: z.string().describe("Id of the shell"),
  program: z.string().describe("The program that was started"),
  cwd: z.string().describe("Directory it was started in"),
  cols: z.int().describe("Characters in a line of its terminal"),
  rows: z.int().describe("Lines of its terminal"),
  state: z.enum(["running", "exited"]).describe("Whether it runs"),
  exit_code: z
    .int()
    .nullable()
    .describe("Exit status: 128+N when signal N ended it; null while it runs, and where it was closed"),
  started_at: z.string().describe("When it was opened"),
  ended_at: z.string().nullable().describe("When it ended; null while it runs"),
});
