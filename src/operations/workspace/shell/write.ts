/** `pyro workspace shell write`: types into a shell. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shellField } from "./fields.ts";

export const shellWrite = operation({
  names: { cli: "workspace shell write", sdk: "writeShell", mcp: "shell_write" },
  summary: "Type into a shell",
  description:
    "Types the text and presses Enter. Every character is passed on as it is, control characters too. " +
    "Where the program does not read what was typed before, nothing is typed, and after 5 s that is the answer.",
  example: "pyro workspace shell write fix sh-0123abcd --input 'make test'",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    shell_id: shellField.id,
    input: z.string().max(65_536).describe("Text to type"),
    no_newline: z.boolean().default(false).describe("Do not press Enter after it"),
  }),
  output: z.strictObject({ written_chars: z.int().describe("Characters that were typed, Enter included") }),
  errors: [...callErrors, "shell_not_found", "shell_exited", "shell_input_full"],
  positional: ["workspace_id", "shell_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "writeShell", input, { signal, emit }),
});
