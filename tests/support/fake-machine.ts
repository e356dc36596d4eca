/** The fake machine: the real agent binary as an ordinary process of this host, behind the same interface as a virtual machine. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";
import type { Machine, MachineEnd } from "../../src/vmm/machine.ts";
import type { MachineSource, OpenMachine } from "../../src/workspaces/machine-source.ts";

const agent = join(packageRoot(), "dist/guest/pyro-agent");

/** Build identity of the agent that was built last. */
export function agentBuild(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "dist/guest/agent.json"), "utf8")).build;
}

/** Starts the agent on a socket of its own and connects to it. */
export async function startFakeMachine(): Promise<Machine> {
  const directory = mkdtempSync(join(tmpdir(), "pyro-fake-"));
  const socket = join(directory, "agent.sock");
  const child = spawn(agent, ["--listen", socket, "--die-with-parent"], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise<MachineEnd>((resolve) => {
    child.once("exit", () => {
      rmSync(directory, { recursive: true, force: true });
      resolve({ reason: "killed", console_tail: "", vmm_tail: "" });
    });
  });
  const channel = await connectSoon(socket);
  const kill = async () => {
    channel.destroy();
    child.kill("SIGTERM");
    await ended;
  };
  return {
    execution_mode: "guest_emulated",
    channel,
    ended,
    addLayer: async () => {},
    kill,
    pid: () => child.pid ?? 0,
  };
}

async function connectSoon(path: string): Promise<Socket> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(path, () => resolve(socket));
        socket.once("error", reject);
      });
    } catch (error) {
      if (attempt === 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A source of fake machines that knows every environment name the catalog has. */
export const fakeSource: MachineSource = {
  open: async (): Promise<OpenMachine> => ({
    machine: await startFakeMachine(),
    agent_build: agentBuild(),
    disks: { root: null, disk: null },
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/root", LANG: "C.UTF-8" },
    cwd: tmpdir(),
    call_deadline_ms: 10_000,
  }),
};
