/** The shortest command in a machine that runs: fork, exec and exit of `true`, with the call around it. */
import type { Figure } from "../figure.ts";
import { runCommand } from "../guest-command.ts";
import { elapsedMs, repeat } from "../timing.ts";

const COMMANDS = 200;
const WARM_UP_COMMANDS = 10;

export const execTrue: Figure = {
  name: "exec-true",
  title: "exec of true in a running machine",
  unit: "ms",
  measure: (context) =>
    context.withMachine(async ({ session }) => {
      const command = () => elapsedMs(() => runCommand(session, ["true"], context.signal));
      const first = await command();
      await repeat(WARM_UP_COMMANDS, context.signal, command);
      const values = await repeat(COMMANDS, context.signal, command);
      return { values, parts: [{ name: "first exec of a machine", unit: "ms", values: [first] }] };
    }),
};
