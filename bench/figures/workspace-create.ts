/** Creating an empty workspace, until it is started: through the command, and through a program that runs. */
import { Pyro } from "../../src/sdk/pyro.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";

export const workspaceCreateCli: Figure = {
  name: "workspace-create-cli",
  title: "pyro workspace create, empty and warm, whole process",
  unit: "ms",
  target: { at_most: 1200 },
  async measure(context) {
    const one = async () => {
      const name = `bench-${process.pid}`;
      try {
        return await elapsedMs(() => context.pyro(["workspace", "create", context.environment, "--name", name]));
      } finally {
        await context.pyro(["workspace", "delete", name]);
      }
    };
    await one();
    return { values: await repeat(context.runs, context.signal, one) };
  },
};

export const workspaceCreateSdk: Figure = {
  name: "workspace-create-sdk",
  title: "createWorkspace, empty and warm, from a running program",
  unit: "ms",
  target: { at_most: 700 },
  async measure(context) {
    const pyro = new Pyro();
    const one = async () => {
      const began = performance.now();
      const { workspace_id } = await pyro.createWorkspace({ environment: context.environment });
      const ms = performance.now() - began;
      await pyro.deleteWorkspace({ workspace_id });
      return ms;
    };
    await one();
    return { values: await repeat(context.runs, context.signal, one) };
  },
};
