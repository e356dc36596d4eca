/** The shortest command in a workspace, from a running program, through its keeper. */
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { repeat, shared } from "../timing.ts";
import { withWorkspace } from "../workspaces.ts";

const COMMANDS = 200;
const WARM_UP_COMMANDS = 10;

interface Times {
  readonly whole_ms: number;
  /** What the agent says that the command took */
  readonly command_ms: number;
}

const times = shared((context: BenchContext) =>
  withWorkspace(context, undefined, async ({ pyro, workspace_id }): Promise<Times[]> => {
    const one = async () => {
      const began = performance.now();
      const { duration_ms } = await pyro.execWorkspace({ workspace_id, command: ["true"] });
      return { whole_ms: performance.now() - began, command_ms: duration_ms };
    };
    await repeat(WARM_UP_COMMANDS, context.signal, one);
    return repeat(COMMANDS, context.signal, one);
  }),
);

export const workspaceExec: Figure = {
  name: "workspace-exec",
  title: "execWorkspace of true, from a running program",
  unit: "ms",
  target: { at_most: 60 },
  measure: async (context) => ({ values: (await times(context)).map(({ whole_ms }) => whole_ms) }),
};

export const workspaceExecOverhead: Figure = {
  name: "workspace-exec-overhead",
  title: "that less what the agent says the command took",
  unit: "ms",
  target: { at_most: 10 },
  async measure(context) {
    return { values: (await times(context)).map(({ whole_ms, command_ms }) => whole_ms - command_ms) };
  },
};
