/** The life of a template: cold, prepared, warm, stale when what it was made from has changed, pruned. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import type { OperationEvent } from "../../src/contract/progress.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import type { TemplateOrigin } from "../../src/vmm/template-origin.ts";
import { Preparation } from "../../src/workspaces/preparation.ts";
import { cli, pyroProgram } from "../support/cli.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { type Guests, guestsOf, printed, quiet, SHAPE, withSession } from "../support/guests.ts";
import { filesBelow } from "../support/leftovers.ts";
import { patience } from "../support/patience.ts";
import { onlyTemplate, remake, restamp } from "../support/template-files.ts";

const isRoot = process.getuid?.() === 0;
const warm = `${ENVIRONMENT} is warm: it starts in `;

let scratch = "";
let home: StatePaths;
let guests: Guests;
let env: { readonly PYRO_HOME: string };

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-templates-"));
  home = await copiedHome(scratch);
  guests = guestsOf(home);
  env = { PYRO_HOME: home.data };
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (...options: readonly string[]) => cli(["run", ENVIRONMENT, ...options, "--", "true"], { env });

/** What a command prints with `--json`. */
async function document(...args: readonly string[]) {
  const { status, stdout } = await cli([...args, "--json"], { env });
  return { status, ...JSON.parse(stdout) };
}

const doctor = async () => (await document("doctor", "--environment", ENVIRONMENT)).environment;
const readiness = () =>
  new Preparation(guests.environments, guests.source, async () => {}).readiness(ENVIRONMENT, quiet);
const templates = async () => (await document("env", "inspect", ENVIRONMENT)).templates;

describe("an environment", () => {
  it("is cold before it is prepared, and warm from then on", async () => {
    expect(await doctor()).toMatchObject({ name: ENVIRONMENT, state: "cold", reason: expect.any(String) });
    const prepared = await document("prepare");
    expect(prepared).toMatchObject({ status: 0, name: ENVIRONMENT, state: "warm", reason: null, changed: true });
    expect(Date.now() - Date.parse(prepared.prepared_at)).toBeLessThan(60_000);
    expect(prepared.start_ms).toBeGreaterThan(0);
    expect(prepared.template_size_bytes).toBeLessThan(SHAPE.mem_mib * 1_048_576);
    const { status: _, changed: __, execution_mode, ...ready } = prepared;
    expect(await doctor()).toEqual(ready);
    expect(await templates()).toMatchObject([{ vcpu_count: 1, mem_mib: 1024, execution_mode, state: "warm" }]);
  });

  it("that is prepared again says in less than a second that it is warm already", async () => {
    const began = performance.now();
    expect(await document("prepare", ENVIRONMENT)).toMatchObject({ status: 0, state: "warm", changed: false });
    expect(performance.now() - began).toBeLessThan(1000 * patience);
  });

  it("is proved with a network once", async () => {
    expect(await document("prepare", "--network")).toMatchObject({ status: 0, state: "warm", changed: true });
    expect(await document("prepare", "--network")).toMatchObject({ status: 0, changed: false });
    expect(await document("prepare")).toMatchObject({ status: 0, changed: false });
  });

  it("cannot be prepared where it is not known", async () => {
    const unknown = { status: 1, error: { code: "environment_not_found" } };
    expect(await document("prepare", "Debian:12")).toMatchObject(unknown);
  });

  it("that was prepared starts without a word", async () => {
    expect(await run()).toEqual({ status: 0, signal: null, stdout: "", stderr: "" });
  });

  it("that was not says once what the next start costs", async () => {
    rmSync(home.templates, { recursive: true });
    expect((await run()).stderr).toMatch(new RegExp(`^pyro: Booting .+\\npyro: ${warm}\\d+\\.\\d s from now on\\n$`));
    expect((await run()).stderr).toBe("");
  });

  it("has a template for each shape", async () => {
    expect((await run("--mem-mib", "256", "--vcpu-count", "2")).stderr).toContain(warm);
    const shapes = [
      expect.objectContaining({ vcpu_count: 1, mem_mib: 1024 }),
      expect.objectContaining({ vcpu_count: 2, mem_mib: 256 }),
    ];
    expect(await templates()).toEqual(expect.arrayContaining(shapes));
  });
});

describe("a cache", () => {
  it("that lacks directories, which copies of it may, is given them", async () => {
    for (const path of [home.templates, home.locks]) rmSync(path, { recursive: true });
    const { status, stderr } = await run();
    // Whatever came of that, for the tests below.
    home.prepareCache();
    expect([status, stderr]).toEqual([0, expect.stringContaining(warm)]);
  });
});

describe("a machine", () => {
  it("that does not answer after its restore is replaced by one that boots, with a warning", async () => {
    expect((await run()).status).toBe(0);
    const events: OperationEvent[] = [];
    const emit = (event: OperationEvent) => void events.push(event);
    const open = await guests.source.open(SHAPE, { ...quiet, emit });
    process.kill(open.machine.pid(), "SIGSTOP");
    await withSession({ ...open, call_deadline_ms: 500 }, async (session) => {
      expect(await printed(session, "echo here")).toBe("here\n");
    });
    expect(events.filter(({ type }) => type === "warning")).toEqual([
      { type: "warning", message: expect.stringContaining("was discarded and the VM boots") },
    ]);
    expect(filesBelow(home.templates)).toEqual([]);
    expect((await open.machine.ended).reason).toBe("killed");
  });
});

describe("a template", () => {
  it("that is demanded anew takes the place of the old one", async () => {
    expect((await run()).status).toBe(0);
    const parts = await guests.source.parts(SHAPE, quiet);
    const old = await guests.source.templates.ensure(parts, quiet);
    const anew = await guests.source.templates.ensure(parts, quiet, true);
    expect([old.is_new, anew.is_new]).toEqual([false, true]);
    expect(anew.open.template.created_at > old.open.template.created_at).toBe(true);
    for (const { open } of [old, anew]) open.close();
    expect(filesBelow(home.templates)).toHaveLength(3);
  });

  it("that took the place of a bad one is not discarded with it", async () => {
    const open = await guests.source.open(SHAPE, quiet);
    await open.machine.kill();
    const parts = await guests.source.parts(SHAPE, quiet);
    const anew = await guests.source.templates.ensure(parts, quiet, true);
    anew.open.close();
    const instead = await open.instead?.(new PyroError("agent_stalled", "no answer"));
    await instead?.machine.kill();
    const left = guests.source.templates.all().map(({ created_at }) => created_at);
    expect(left).toEqual([anew.open.template.created_at]);
  });

  const otherParts: readonly (readonly [string, Partial<TemplateOrigin>])[] = [
    ["environment changed", { environment_digest: `sha256:${"0".repeat(64)}` }],
    ["kernel changed", { kernel: `sha256:${"0".repeat(64)}` }],
    ["QEMU changed", { vmm: "0:0:0:0:0" }],
    ["pyro upgraded", { agent: "0".repeat(64), machine: "0".repeat(64) }],
    ["kernel changed, pyro upgraded", { kernel: `sha256:${"0".repeat(64)}`, agent: "0".repeat(64) }],
  ];
  it.each(otherParts)("is stale where it was made from something else: %s", async (reason, change) => {
    const made = await guests.source.templates.ensure(await guests.source.parts(SHAPE, quiet), quiet);
    made.open.close();
    remake(home, change);
    expect(await readiness()).toMatchObject({ state: "stale", reason });
    remake(home, made.open.template.origin);
    expect(await readiness()).toMatchObject({ state: "warm", reason: null });
  });

  it("is stale on a host whose clock runs at another frequency, and where its files are not as they were", async () => {
    const files = onlyTemplate(home);
    const tsc_khz = guests.source.templates.all()[0]?.tsc_khz ?? 0;
    restamp(files, { tsc_khz: tsc_khz + 1000 });
    expect(await readiness()).toMatchObject({ state: "stale", reason: "the host's clock frequency changed" });
    restamp(files, { tsc_khz, state: { dev: "0", ino: "0", size: "0", mtime_ns: "0", ctime_ns: "0" } });
    expect(await readiness()).toMatchObject({ state: "stale", reason: "its files were changed or are damaged" });
    restamp(files);
    expect(await readiness()).toMatchObject({ state: "warm" });
  });

  it("of an older pyro is not used, said to be stale, listed beside the new one, and pruned", async () => {
    remake(home, { agent: "0".repeat(64), machine: "0".repeat(64) });
    const stale = filesBelow(home.templates);
    expect(await doctor()).toMatchObject({ state: "stale", reason: "pyro upgraded" });
    expect(await templates()).toMatchObject([{ state: "stale", reason: "pyro upgraded" }]);
    expect((await run()).stderr).toContain(warm);
    expect(await doctor()).toMatchObject({ state: "warm", reason: null, prepared_at: null, start_ms: null });
    expect((await templates()).map(({ state }: { state: string }) => state).sort()).toEqual(["stale", "warm"]);
    const { removed, freed_bytes } = await document("env", "prune");
    const paths = removed.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(expect.arrayContaining(stale.map((name) => join(home.templates, name))));
    expect(freed_bytes).toBeGreaterThan(1_048_576);
    expect(await templates()).toMatchObject([{ state: "warm", reason: null }]);
    expect((await run()).stderr).toBe("");
  });

  it.runIf(isRoot)(
    "of another QEMU is stale, and the next run makes a new one (root mounts a copy over it)",
    async () => {
      const qemu = "/usr/bin/qemu-system-x86_64";
      const copy = join(scratch, "qemu");
      const script = `cp ${qemu} ${copy} && mount --bind ${copy} ${qemu} && exec "$@"`;
      const upgraded = (...args: readonly string[]) =>
        spawnSync("unshare", ["-m", "sh", "-c", script, "sh", pyroProgram, ...args], {
          encoding: "utf8",
          env: { ...process.env, ...env },
        });
      const { environment } = JSON.parse(upgraded("doctor", "--environment", ENVIRONMENT, "--json").stdout);
      expect(environment).toMatchObject({ state: "stale", reason: "QEMU changed" });
      const result = upgraded("run", ENVIRONMENT, "--", "echo", "here");
      expect(result).toMatchObject({ status: 0, stdout: "here\n", stderr: expect.stringContaining(warm) });
      expect(filesBelow(home.templates)).toHaveLength(6);
      expect(await readiness()).toMatchObject({ state: "warm" });
    },
  );
});
