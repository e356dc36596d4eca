/** The fake machine: the real agent binary as an ordinary process of this host, behind the same interface as a virtual machine. */
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ioError, type OpenFile } from "../../src/platform/files.ts";
import { openExisting } from "../../src/platform/named-files.ts";
import { packageRoot } from "../../src/platform/package-root.ts";
import type { Machine, MachineEnd } from "../../src/vmm/machine.ts";
import type { MachineSource, OpenMachine } from "../../src/workspaces/machine-source.ts";

const agent = join(packageRoot(), "dist/guest/pyro-agent");

/** Build identity of the agent that was built last. */
export function agentBuild(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "dist/guest/agent.json"), "utf8")).build;
}

/** Starts a program with a network of its own, which takes root. */
const OWN_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

/** Starts the agent on a socket of its own and connects to it. */
export async function startFakeMachine(
  below = tmpdir(),
  has_own_network = false,
): Promise<Machine & { readonly secrets_directory: string }> {
  const directory = mkdtempSync(join(below, "pyro-fake-"));
  const socket = join(directory, "agent.sock");
  const command = [...(has_own_network ? OWN_NETWORK : []), agent, "--listen", socket, "--die-with-parent"];
  const [program = agent, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise<MachineEnd>((resolve) => {
    child.once("exit", () => {
      rmSync(directory, { recursive: true, force: true });
      resolve({ reason: "killed", cause: null, console_tail: "", vmm_tail: "" });
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
    secrets_directory: join(directory, "secrets"),
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

const image = {
  name: "debian:12",
  digest: `sha256:${"0".repeat(64)}`,
  env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/nonexistent", LANG: "C.UTF-8" },
};

const around = (machine: Machine & { readonly secrets_directory: string }, cwd: string): OpenMachine => ({
  machine,
  agent_build: agentBuild(),
  disks: { root: null, disk: null },
  // A fake machine's place for secrets is its own: its commands are told.
  env: { ...image.env, FAKE_SECRETS: machine.secrets_directory },
  cwd,
  call_deadline_ms: 10_000,
  secrets_directory: machine.secrets_directory,
});

/** A source of fake machines that knows every environment name the catalog has. */
export const fakeSource: MachineSource = {
  image: async () => image,
  open: async () => around(await startFakeMachine(), tmpdir()),
};

/**
 * Fake machines whose disks outlive them. The content of a layer's file is a number; the tree that the layers up to this one make together
 * is a directory of that name in `directory`, copied when a layer is put on top, as nothing can be written to the lower one from then on.
 * While a machine runs, and where it was killed with its keeper, a link of that name leads to its tree.
 */
export function fakeSourceWithDisks(directory: string): MachineSource {
  const treeOf = (layer: string) => join(directory, layer);
  return {
    image: async () => image,
    disks: {
      make: async () => {
        const path = join(directory, `new-${randomUUID()}`);
        try {
          writeFileSync(path, randomUUID());
          return openExisting(path, "r");
        } catch (thrown) {
          throw ioError(thrown, "write", path);
        } finally {
          rmSync(path, { force: true });
        }
      },
      fill: async (tree, disk) => {
        const layer = randomUUID();
        disk.write(Buffer.from(layer));
        mkdirSync(treeOf(layer));
        execFileSync("tar", ["-xpf", "/proc/self/fd/3", "-C", treeOf(layer)], {
          stdio: ["ignore", "inherit", "inherit", tree.file.fd],
        });
      },
    },
    open: async ({ disk }) => {
      const layers = (disk?.layers ?? []).map((file) => String(file.readAll()));
      const root = mkdtempSync(join(directory, "root-"));
      const saved = layers.map(treeOf).findLast((path) => existsSync(path));
      if (saved !== undefined) copyTree(realpathSync(saved), root);
      let top = layers.at(-1) ?? "none";
      leadTo(root, treeOf(top));
      const machine = await startFakeMachine(directory);
      const addLayer = async (layer: OpenFile) => {
        rmSync(treeOf(top), { force: true });
        copyTree(root, treeOf(top));
        top = String(layer.readAll());
        leadTo(root, treeOf(top));
      };
      return around({ ...machine, addLayer }, root);
    },
  };
}

function leadTo(root: string, link: string): void {
  rmSync(link, { force: true, recursive: true });
  symlinkSync(root, link);
}

/** Names are bytes, which node's own copying does not keep. */
function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  execFileSync("cp", ["-a", "-T", from, to]);
}
