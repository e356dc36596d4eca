/** The MCP server over stdio: its start, workspaces, commands, one-shot machines, and several clients at once. */
import { Pyro } from "../../src/sdk/pyro.ts";
import type { BenchContext } from "../context.ts";
import { type Figure, FigureSkipped } from "../figure.ts";
import { withMcp } from "../mcp-client.ts";
import { elapsedMs, repeat, shared } from "../timing.ts";

const COMMANDS = 200;
const WARM_UP_COMMANDS = 10;
const CLIENTS = 8;
const COMMANDS_EACH = 25;

export const mcpStart: Figure = {
  name: "mcp-start",
  title: "start of pyro mcp serve to its list of tools",
  unit: "ms",
  target: { at_most: 350 },
  async measure({ runs, signal }) {
    const one = async () => {
      const began = performance.now();
      return withMcp(async (_, client) => {
        await client.listTools();
        return performance.now() - began;
      });
    };
    await one();
    return { values: await repeat(runs, signal, one) };
  },
};

export const mcpCreate: Figure = {
  name: "mcp-create",
  title: "workspace_create, empty and warm, without a spare machine",
  unit: "ms",
  target: { at_most: 1_000 },
  measure: ({ runs, signal }) =>
    withMcp(async (call) => {
      const one = async () => {
        const began = performance.now();
        const { workspace_id } = await call("workspace_create", {});
        const took = performance.now() - began;
        await call("workspace_delete", { workspace_id });
        return took;
      };
      await one();
      return { values: await repeat(runs, signal, one) };
    }),
};

export const mcpCreateSpare: Figure = {
  name: "mcp-create-spare",
  title: "workspace_create with a spare machine",
  unit: "ms",
  async measure() {
    throw new FigureSkipped("spare machines are not built");
  },
};

interface Times {
  readonly mcp_ms: number;
  readonly sdk_ms: number;
}

/** The same command by both ways in turn, so that a busy host slows both. */
const times = shared(({ signal }: BenchContext) =>
  withMcp(async (call): Promise<Times[]> => {
    const pyro = new Pyro();
    const { workspace_id } = await call("workspace_create", {});
    const command = ["true"];
    const id = String(workspace_id);
    const one = async () => ({
      mcp_ms: await elapsedMs(() => call("workspace_exec", { workspace_id, command })),
      sdk_ms: await elapsedMs(() => pyro.execWorkspace({ workspace_id: id, command })),
    });
    try {
      await repeat(WARM_UP_COMMANDS, signal, one);
      return await repeat(COMMANDS, signal, one);
    } finally {
      await call("workspace_delete", { workspace_id });
    }
  }),
);

export const mcpExec: Figure = {
  name: "mcp-exec",
  title: "workspace_exec of true over stdio",
  unit: "ms",
  target: { at_most: 65 },
  measure: async (context) => ({ values: (await times(context)).map(({ mcp_ms }) => mcp_ms) }),
};

export const mcpExecOverhead: Figure = {
  name: "mcp-exec-overhead",
  title: "that less execWorkspace from a program",
  unit: "ms",
  target: { at_most: 5 },
  measure: async (context) => ({ values: (await times(context)).map(({ mcp_ms, sdk_ms }) => mcp_ms - sdk_ms) }),
};

export const mcpRun: Figure = {
  name: "mcp-run",
  title: "vm_run of true over stdio",
  unit: "ms",
  target: { at_most: 700 },
  measure: ({ runs, signal }) =>
    withMcp(async (call) => {
      const one = () => elapsedMs(() => call("vm_run", { command: ["true"] }));
      await one();
      return { values: await repeat(runs, signal, one) };
    }),
};

export const mcpEightClients: Figure = {
  name: "mcp-eight-clients",
  title: `${CLIENTS} clients at once, workspace_exec of true in one workspace, each command`,
  unit: "ms",
  measure: ({ signal }) =>
    withMcp(async (call) => {
      const { workspace_id } = await call("workspace_create", {});
      const client = () =>
        withMcp((own) =>
          repeat(COMMANDS_EACH, signal, () =>
            elapsedMs(() => own("workspace_exec", { workspace_id, command: ["true"] })),
          ),
        );
      try {
        return { values: (await Promise.all(Array.from({ length: CLIENTS }, client))).flat() };
      } finally {
        await call("workspace_delete", { workspace_id });
      }
    }),
};
