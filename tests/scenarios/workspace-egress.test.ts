/** Workspaces with egress on fake machines: what a program asks for is asked by the test, everything else is as it is. */
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import { createEngine } from "../../src/engine.ts";
import { methodsOver } from "../../src/sdk/pyro.ts";
import { FakeEgress, fakeSurroundings } from "../support/fake-egress.ts";
import { fakeSource } from "../support/fake-machine.ts";
import { openFakeWorkspaces } from "../support/workspaces.ts";

const egress = new FakeEgress();
const surroundings = fakeSurroundings({ "a.com": ["8.8.8.8"], "inside.com": ["10.0.0.1"] }, async (address) => ({
  socket: new PassThrough(),
  peer: address,
}));
const fake = openFakeWorkspaces({ egress, surroundings });
const { pyro } = fake;
afterAll(() => fake.close());

type Create = Parameters<typeof pyro.createWorkspace>[0];

async function within(more: Partial<Create>, use: (workspace_id: string) => Promise<void>): Promise<void> {
  const { workspace_id } = await pyro.createWorkspace({ environment: "debian:12", network_policy: "egress", ...more });
  try {
    await use(workspace_id);
  } finally {
    await pyro.deleteWorkspace({ workspace_id });
  }
}

const open = (host: string, port = 80, pid: number | null = null) =>
  egress.last.handlers.open({ host, port, pid }, new AbortController().signal);

/** Runs a command that ends with this status once `meanwhile`, which is given its number, is over. */
async function command(workspace_id: string, status: number, meanwhile: (pid: number) => Promise<unknown>) {
  const script = `echo $$; until [ -e go ]; do sleep 0.01; done; rm go; exit ${status}`;
  const { sequence } = await pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script], detach: true });
  const seen = await pyro.waitWorkspace({ workspace_id, sequence, log: "^\\d+$" });
  await meanwhile(Number(seen.output.trim()));
  await pyro.writeWorkspaceFile({ workspace_id, path: "go", text: "" });
  const { outcome } = await pyro.waitWorkspace({ workspace_id, sequence });
  return outcome;
}

describe("a workspace with egress", () => {
  it("has its denials in the outcome of the command that they belong to, whatever it ends with", async () => {
    await within({ allow_egress: ["a.com"] }, async (workspace_id) => {
      const well = await command(workspace_id, 0, async (pid) => {
        expect(await open("evil.com", 443, pid)).toBeUndefined();
        expect(await open("evil.com", 443, pid)).toBeUndefined();
        expect(await open("other.com", 443, pid + 1)).toBeUndefined();
        expect(await open("a.com", 80, pid)).toBeDefined();
      });
      const hint = "pyro workspace create … --network-policy egress --allow-egress evil.com";
      const denial = { host: "evil.com", port: 443, rule: "not_listed", hint };
      expect(well).toMatchObject({ kind: "exited", network_denied: [denial], network_denied_count: 2 });
      const ill = await command(workspace_id, 6, (pid) => open("a.com", 22, pid));
      expect(ill).toMatchObject({ kind: "network_denied", network_denied: [{ port: 22, rule: "port_not_listed" }] });
      expect(ill).toMatchObject({ remedy: expect.stringContaining("--allow-egress a.com:22") });
      const looked = await command(workspace_id, 1, () => egress.last.handlers.lookup("evil.com"));
      expect(looked).toMatchObject({ kind: "network_denied", network_denied: [{ host: "evil.com", port: null }] });
      const innocent = await command(workspace_id, 1, (pid) => open("evil.com", 443, pid + 1));
      expect(innocent).toEqual({ kind: "exited", detail: expect.any(String), remedy: null, retry_safe: false });
      const { network_denied } = await pyro.summarizeWorkspace({ workspace_id });
      expect(network_denied).toContain("evil.com:443: not_listed, 3 times");
    });
  });

  it("says what it may connect to, and what it did, counted (NET-13)", async () => {
    await within({ allow_egress: ["a.com", "inside.com:80"] }, async (workspace_id) => {
      surroundings.asked.length = 0;
      const guest = await open("a.com");
      await new Promise((resolve) => guest?.write("ask", resolve));
      await open("inside.com");
      await open("evil.com");
      const seen = await pyro.networkInfoVm({ workspace_id });
      expect(seen).toMatchObject({ network_policy: "egress", allow_egress: ["a.com", "inside.com:80"], is_open: true });
      expect(seen).toMatchObject({ allowed_count: 1, denied_count: 2, failed_count: 0, open_count: 1, bytes_up: 3 });
      expect(seen.connections).toMatchObject([
        { host: "a.com", port: 80, verdict: "allowed", rule: "a.com", bytes_up: 3, ended_at: null },
        { host: "inside.com", verdict: "denied", rule: "resolved_to_private" },
        { host: "evil.com", verdict: "denied", rule: "not_listed" },
      ]);
      expect(surroundings.asked).toEqual(["a.com", "inside.com"]);
      expect(await pyro.statusWorkspace({ workspace_id })).toMatchObject({ network_policy: "egress" });
    });
  });

  it("keeps its policy after a reset, a stop, and the end of its keeper", async () => {
    await within({ allow_egress: ["a.com"], network_policy: "egress+published-ports" }, async (workspace_id) => {
      const holds = async () => {
        expect(await open("evil.com")).toBeUndefined();
        expect(await open("a.com")).toBeDefined();
        const { connections, is_open, allow_egress } = await pyro.networkInfoVm({ workspace_id });
        expect([connections.length, is_open, allow_egress]).toEqual([2, true, ["a.com"]]);
      };
      await holds();
      const first = egress.last;
      await pyro.resetWorkspace({ workspace_id });
      expect([first.signal.aborted, await first.handlers.lookup("a.com")]).toEqual([true, false]);
      await holds();
      await pyro.stopWorkspace({ workspace_id });
      expect(egress.last.signal.aborted).toBe(true);
      const stopped = await pyro.networkInfoVm({ workspace_id });
      expect(stopped).toMatchObject({ is_open: false, connections: [], allow_egress: ["a.com"] });
      await pyro.startWorkspace({ workspace_id });
      await holds();
      await fake.keepers.get(workspace_id)?.end(new PyroError("keeper_lost", "the test ended it"));
      expect(egress.last.signal.aborted).toBe(true);
      await pyro.startWorkspace({ workspace_id });
      await holds();
    });
  });

  it("loses its connections within a second when it is deleted (NET-22)", async () => {
    let guest: Awaited<ReturnType<typeof open>>;
    let began = 0;
    await within({}, async () => {
      guest = await open("a.com");
      guest?.once("close", () => {
        began = performance.now() - began;
      });
      began = performance.now();
    });
    expect([guest?.destroyed, began < 1000]).toEqual([true, true]);
  });

  it("loses its connections with the machine, and with the guest's side (NET-22, NET-23)", async () => {
    await within({}, async (workspace_id) => {
      const guest = await open("a.com");
      await pyro.stopWorkspace({ workspace_id });
      expect(guest?.destroyed).toBe(true);
      await pyro.startWorkspace({ workspace_id });
      const second = await open("a.com");
      egress.last.breakOff(new Error("the guest ended it"));
      while (!second?.destroyed) await delay(1);
      expect(await open("a.com")).toBeUndefined();
      expect(await pyro.networkInfoVm({ workspace_id })).toMatchObject({ is_open: false });
    });
  });

  it("is refused with rules that are none, without a gate, and with rules for nothing (NET-06)", async () => {
    const create = (more: Partial<Create>) => pyro.createWorkspace({ environment: "debian:12", ...more });
    const network_policy = "egress";
    for (const rule of ["", "*", "*.com", "10.0.0.0/8", "a b", "a\0b"])
      await expect(create({ network_policy, allow_egress: [rule] })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(create({ network_policy, allow_egress: [] })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(create({ allow_egress: ["a.com"] })).rejects.toMatchObject({ code: "invalid_input" });
    const cage = { code: "not_available", message: expect.stringContaining("has no gate") };
    await expect(create({ network_policy, allow_host_compat: true })).rejects.toMatchObject(cage);
    expect((await pyro.listWorkspaces()).workspaces).toEqual([]);
  });

  it("is not what a workspace has by default (NET-01)", async () => {
    const before = egress.served.length;
    await within({ network_policy: "off" }, async (workspace_id) => {
      expect(await pyro.networkInfoVm({ workspace_id })).toMatchObject({ network_policy: "off", is_open: false });
      expect(egress.served.length).toBe(before);
    });
  });
});

describe("a machine for one command", () => {
  const guests = egress.over(fakeSource);
  const engine = createEngine({ guests, hostCages: fakeSource, surroundings });
  const { runInVm } = methodsOver(engine);
  const run = (network: boolean) => runInVm({ environment: "debian:12", command: ["true"], network });

  it("has egress where it is asked for, until it ends", async () => {
    const before = egress.served.length;
    expect(await run(false)).toMatchObject({ network_enabled: false });
    expect(egress.served.length).toBe(before);
    expect(await run(true)).toMatchObject({ network_enabled: true, exit_code: 0 });
    expect([egress.served.length, egress.last.signal.aborted]).toEqual([before + 1, true]);
    const host = { environment: "debian:12", command: ["true"], network: true, allow_host_compat: true };
    const cage = { code: "not_available", message: expect.stringContaining("has no gate") };
    await expect(runInVm(host)).rejects.toMatchObject(cage);
  });
});
