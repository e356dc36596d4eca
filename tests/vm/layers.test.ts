/** A machine's disk as layers: what is written goes to the last one, and a new one can be put on top while the machine runs. */
import { createHash } from "node:crypto";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OpenFile } from "../../src/platform/files.ts";
import { statePaths } from "../../src/store/paths.ts";
import { diskSerial, type Machine } from "../../src/vmm/machine.ts";
import { bootDeadlineMs, restoreQemu } from "../../src/vmm/qemu.ts";
import { DISK_BYTES, DISK_GIB, withMachineFiles } from "../../src/workspaces/guest-parts.ts";
import { MachineSession } from "../../src/workspaces/session.ts";
import { guestsOf, printed, quiet, SHAPE } from "../support/guests.ts";
import { patience } from "../support/patience.ts";

const guests = guestsOf(statePaths());

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-layers-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A copy of the new disk of that kind, under a name. */
async function fresh(kind: "journaled" | "layer", name: string): Promise<string> {
  const made = await guests.environments.openNewDisk(kind, DISK_GIB);
  const path = join(directory, name);
  writeFileSync(path, made.readAll());
  made.close();
  return path;
}

/** Opens a stack of layers, of which only the last may be written. */
function openLayers(paths: readonly string[]): OpenFile[] {
  return paths.map((path, at) => new OpenFile(openSync(path, at === paths.length - 1 ? "r+" : "r"), path));
}

/** Lets a machine on these layers run as long as `use` takes. */
async function withLayers(
  paths: readonly string[],
  use: (session: MachineSession, machine: Machine) => Promise<void>,
): Promise<void> {
  const parts = await guests.source.parts(SHAPE, quiet);
  const { open } = await guests.source.templates.ensure(parts, quiet);
  const files = { memory: open.memory.fd, state: open.state.fd };
  const options = { deadline_ms: bootDeadlineMs.tcg, signal: quiet.signal };
  const programs = { ...parts.host, agent: parts.host.agent.path };
  const layers = openLayers(paths);
  const disk = { layers, is_durable: true };
  const machine = await withMachineFiles(guests.environments, parts, disk, quiet.signal, (spec) =>
    restoreQemu(programs, spec, files, options),
  );
  for (const file of [open, ...layers]) file.close();
  const opened = {
    machine,
    agent_build: parts.host.agent.build,
    disks: { root: diskSerial.root, disk: { serial: diskSerial.disk, size_bytes: DISK_BYTES } },
    env: parts.environment.env,
    cwd: "/workspace",
    call_deadline_ms: 30_000,
  };
  const session = await MachineSession.begin(opened, "layers", quiet.signal);
  try {
    await use(session, machine);
  } finally {
    await session.close();
  }
}

const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("the layers of a disk", () => {
  it("keep what was written before a layer was put on top, and what came later is gone with that layer", async () => {
    const base = await fresh("journaled", "base");
    const second = await fresh("layer", "second");
    await withLayers([base], async (session, machine) => {
      await printed(session, "echo first >/workspace/a; echo own >/usr/bin/own-file; sync");
      const [layer] = openLayers([second]);
      const before = performance.now();
      if (layer !== undefined) await machine.addLayer(layer);
      expect(performance.now() - before).toBeLessThan(1000 * patience);
      layer?.close();
      await printed(session, "echo second >/workspace/a; echo more >/workspace/b; rm /usr/bin/own-file; sync");
    });
    const frozen = hash(base);
    await withLayers([base, second], async (session) => {
      const seen = await printed(session, "cat /workspace/a /workspace/b; ls /usr/bin/own-file 2>/dev/null || true");
      expect(seen).toBe("second\nmore\n");
    });
    await withLayers([base, await fresh("layer", "again")], async (session) => {
      expect(await printed(session, "cat /workspace/*; ls /usr/bin/own-file")).toBe("first\n/usr/bin/own-file\n");
      await printed(session, "rm -rf /workspace/a /usr/bin/own-file; sync");
    });
    expect(hash(base)).toBe(frozen);
  });
});
