/** A key from a running program to a shell, and back as its echo. */
import type { Figure } from "../figure.ts";
import { repeat } from "../timing.ts";
import { withWorkspace } from "../workspaces.ts";

const KEYS = 200;
const WARM_UP_KEYS = 10;
/** Keys of one line: it stays on one. */
const LINE = 60;

export const shellEcho: Figure = {
  name: "shell-echo",
  title: "a key typed into a shell, until its echo is read",
  unit: "ms",
  target: { at_most: 30 },
  measure: (context) =>
    withWorkspace(context, undefined, async ({ pyro, workspace_id }) => {
      const { shell_id } = await pyro.openShell({ workspace_id });
      const shell = { workspace_id, shell_id };
      const settled = () => pyro.readShell({ ...shell, cursor: Number.MAX_SAFE_INTEGER, wait_for_idle_ms: 500 });
      let { cursor } = await settled();
      let typed = 0;
      const one = async () => {
        if (typed % LINE === 0) {
          await pyro.writeShell({ ...shell, input: "\x15", no_newline: true });
          ({ cursor } = await settled());
        }
        typed += 1;
        const began = performance.now();
        await pyro.writeShell({ ...shell, input: "x", no_newline: true });
        for (let echo = ""; !echo.includes("x"); ) {
          const reading = await pyro.readShell({ ...shell, cursor });
          echo = reading.output;
          cursor = reading.next_cursor;
        }
        return performance.now() - began;
      };
      await repeat(WARM_UP_KEYS, context.signal, one);
      return { values: await repeat(KEYS, context.signal, one) };
    }),
};
