/** `docs/reference/errors.md`: every error that pyro can answer with. */
import type { ErrorKind } from "../../src/contract/error-row.ts";
import { errorTable, exitStatusOfKind } from "../../src/contract/errors.ts";
import { code, page, table } from "./markdown.ts";

const actor: Readonly<Record<ErrorKind, string>> = {
  usage: "The caller, at once: the request is malformed",
  missing: "The caller, with another name",
  conflict: "The caller, after one step: it is in the wrong state or busy",
  host: "The operator of this machine; `pyro doctor` says more",
  guest: "The caller, by a retry: the virtual machine or something in it failed",
  internal: "The authors of pyro: it is a defect",
};

const shape = `An error has the same fields everywhere: \`code\` (stable), \`message\` (what happened, with the value that was wrong), \`hint\` (what to
do next) and \`details\`. On the command line it goes to standard error, and with \`--json\` to standard output as \`{"error": {…}}\`. The SDK
throws it as \`PyroError\`.`;

const statuses = `The exit status is that of the table. Commands that pass on the exit status of a guest command (\`pyro run\`) answer 125 in place of 1
and 70 and for \`argument_too_long\`, so that pyro's own failures stand apart; 124 there means that the guest command timed out, and 128+N
that signal N ended it.`;

/** The whole page. */
export function errorsReference(): string {
  const kinds = Object.entries(actor).map(([kind, who]) => [code(kind), who]);
  const rows = Object.entries(errorTable).map(([name, { kind, meaning, hint, exitStatus }]) => {
    return [code(name), kind, String(exitStatus ?? exitStatusOfKind[kind]), meaning, hint];
  });
  return page("src/contract/errors.ts", [
    "# Errors",
    shape,
    statuses,
    "## Kinds",
    table(["Kind", "Who acts"], kinds),
    "## Codes",
    table(["Code", "Kind", "Exit status", "Meaning", "Hint"], rows),
  ]);
}
