/** A template that is damaged, half made, or cannot be kept: the command runs all the same, or says why not, and nothing is left. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { StatePaths } from "../../src/store/paths.ts";
import { type CliResult, cli, finished, pyroProgram, startCli } from "../support/cli.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { descendants, filesBelow, type ProcessIdentity, survivors, untilEmpty } from "../support/leftovers.ts";
import { changeByte, onlyTemplate, restamp } from "../support/template-files.ts";

const isRoot = process.getuid?.() === 0;
const command = ["run", ENVIRONMENT, "--", "sh", "-c", "echo from the guest; exit 3"];
const whole = [/^[0-9a-f]{32}\.json$/, /\.memory$/, /\.state$/].map((name) => expect.stringMatching(name));
const booting = `Booting ${ENVIRONMENT} once`;
const waiting = "Waiting for another process that is making a template";
const discarded = `pyro: The template of ${ENVIRONMENT} was discarded and the VM boots: `;
const kept = "pyro: No template can be kept, so the VM boots: ";

let scratch = "";
let home: StatePaths;
let before: readonly string[];
let env: { readonly PYRO_HOME: string };

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-faults-"));
  home = await copiedHome(scratch);
  env = { PYRO_HOME: home.data };
  expect(await run()).toMatchObject({ status: 3 });
  rmSync(home.templates, { recursive: true });
  before = filesBelow(home.cache);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (): Promise<CliResult> => cli(command, { env });
const names = () => filesBelow(home.templates);
const start = () => startCli(command, { env });

/** What a run must give, whatever became of the template. */
const ran = (stderr: unknown = expect.anything()) => ({ status: 3, stdout: "from the guest\n", stderr });

/** Files below the cache that were not there before the first template was made; locks stay, and stamps of what was hashed. */
function leftovers(): string[] {
  return filesBelow(home.cache).filter(
    (name) => !/^(templates$|locks\/|verified\/)/.test(name) && !before.includes(name),
  );
}

describe("a damaged template", () => {
  beforeEach(async () => {
    expect(await run()).toMatchObject(ran());
    expect(names()).toEqual(whole);
  });

  it.each([
    ["memory is cut off", () => truncateSync(onlyTemplate(home).memory, 4096)],
    ["memory has one byte changed", () => changeByte(onlyTemplate(home).memory)],
    ["state has one byte changed", () => changeByte(onlyTemplate(home).state)],
    ["manifest is garbage", () => writeFileSync(onlyTemplate(home).manifest, randomBytes(1000))],
  ])("is made anew without a word of warning when its %s", async (_what, damage) => {
    damage();
    const result = await run();
    expect(result).toMatchObject(ran(expect.stringContaining(booting)));
    expect(result.stderr).not.toContain("discarded");
    expect(names()).toEqual(whole);
  });

  const writable = (half: "memory" | "state"): string => {
    const path = onlyTemplate(home)[half];
    chmodSync(path, 0o600);
    return path;
  };
  it.each([
    ["state is garbage", () => writeFileSync(writable("state"), randomBytes(70_000))],
    ["state is cut off", () => truncateSync(writable("state"), 30_000)],
    ["memory is cut off", () => truncateSync(writable("memory"), 4096)],
    ["memory is all zeros", () => emptied(writable("memory"))],
  ])("that looks whole is discarded with a warning, and the VM boots, when its %s", async (_what, damage) => {
    const files = onlyTemplate(home);
    damage();
    restamp(files);
    const result = await run();
    expect(result).toMatchObject(ran());
    expect(result.stderr).toMatch(new RegExp(`^${discarded}.+\\n$`));
    expect(leftovers()).toEqual([]);
  });
});

/** Makes a file all hole, of the same size. */
function emptied(path: string): void {
  truncateSync(path, 0);
  truncateSync(path, 1024 * 1_048_576);
}

describe("two processes that start at once", () => {
  beforeEach(() => rmSync(home.templates, { recursive: true, force: true }));

  it("make one template: the second one says that it waits, and both answer", async () => {
    const results = await Promise.all([run(), run()]);
    for (const result of results) expect(result).toMatchObject(ran());
    const said = (text: string) => results.filter(({ stderr }) => stderr.includes(text)).length;
    expect([said(booting), said(waiting)]).toEqual([1, 1]);
    expect(names()).toEqual(whole);
  });

  it("need not both live: who waits makes the template when the other is killed", async () => {
    const first = start();
    await says(first, booting);
    const second = start();
    const end = finished(second);
    await says(second, waiting);
    first.kill("SIGKILL");
    expect(await end).toMatchObject(ran(expect.stringContaining(booting)));
    expect(names()).toEqual(whole);
  });

  it("are not disturbed by a third one that prunes, or by one that no longer waits", async () => {
    const first = start();
    const end = finished(first);
    await says(first, booting);
    const second = start();
    const interrupted = finished(second);
    await says(second, waiting);
    second.kill("SIGINT");
    const pruned = await cli(["env", "prune"], { env });
    expect(await interrupted).toMatchObject({ status: 130 });
    expect(pruned).toMatchObject({ status: 0, stderr: expect.stringContaining("A template is being made") });
    expect(await end).toMatchObject(ran());
    expect(names()).toEqual(whole);
    expect(await run()).toMatchObject(ran(""));
  });
});

/** Waits until a process has said this on standard error. */
async function says(child: ChildProcess, text: string): Promise<void> {
  let said = "";
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes(text)) resolve();
    });
    child.once("exit", () => resolve());
  });
  expect(said).toContain(text);
}

describe("making a template", () => {
  beforeEach(() => rmSync(home.templates, { recursive: true, force: true }));

  /** Follows a process for so long, or until `isEnough`, and gives every process that it had. */
  async function follow(child: ChildProcess, ms: number, isEnough = () => false): Promise<ProcessIdentity[]> {
    const seen = new Map<string, ProcessIdentity>();
    const until = performance.now() + ms;
    do {
      for (const one of descendants(child.pid ?? 0)) seen.set(`${one.pid}/${one.start_time}`, one);
      await delay(2);
    } while (performance.now() < until && !isEnough());
    return [...seen.values()];
  }

  it.each([60, 150, 300, 500, 800, 1100, 1400, 1700, 2000, 2300])(
    "killed after %i ms leaves no process and nothing but a whole template",
    async (moment) => {
      const child = start();
      const processes = await follow(child, moment);
      child.kill("SIGKILL");
      if (child.exitCode === null) await once(child, "exit");
      expect(await untilEmpty(() => survivors(processes), 2000)).toEqual([]);
      const left = leftovers();
      if (left.length > 0) expect(left.map((name) => name.replace("templates/", ""))).toEqual(whole);
    },
  );

  it("killed while it is given its names is repaired by the next run", async () => {
    const child = start();
    await follow(child, 30_000, () => names().length > 0);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await run()).toMatchObject(ran());
    expect(names()).toEqual(whole);
    expect(await run()).toMatchObject(ran(""));
  });

  it.each([0, 150, 300])("whose VMM is killed %i ms after its start says so, and leaves nothing", async (later) => {
    const child = start();
    const end = finished(child);
    const vmms = () => descendants(child.pid ?? 0).filter(({ name }) => name.startsWith("qemu-system"));
    await follow(child, 30_000, () => vmms().length > 0);
    await delay(later);
    const processes = descendants(child.pid ?? 0);
    for (const { pid } of vmms()) process.kill(pid, "SIGKILL");
    expect(await end).toMatchObject({ status: 125, stderr: expect.stringContaining("pyro: vm_start_failed: ") });
    expect(await untilEmpty(() => survivors(processes), 2000)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it("that is interrupted leaves nothing", async () => {
    const child = start();
    const end = finished(child);
    await says(child, booting);
    await delay(200);
    const processes = descendants(child.pid ?? 0);
    child.kill("SIGINT");
    expect(await end).toMatchObject({ status: 130, stderr: expect.stringContaining("pyro: cancelled: ") });
    expect(await untilEmpty(() => survivors(processes), 2000)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });
});

describe.runIf(isRoot)("where templates cannot be kept (root mounts over their directory)", () => {
  beforeAll(() => {
    rmSync(home.templates, { recursive: true, force: true });
    home.prepareCache();
  });

  /** Runs a command line with a file system of these options for the templates; the last line is what it has left there. */
  function onFileSystem(options: string, args: readonly string[]): CliResult & { readonly left: string } {
    const quoted = [pyroProgram, ...args].map((word) => `'${word}'`).join(" ");
    const script = `mount -t tmpfs -o mode=0700,${options} none '${home.templates}' || exit 99
      ${quoted}; status=$?; find '${home.templates}' -type f | wc -l; exit $status`;
    const { status, signal, stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script], {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    const lines = stdout.trimEnd().split("\n");
    return { status, signal, stdout: `${lines.slice(0, -1).join("\n")}\n`, stderr, left: lines.at(-1) ?? "" };
  }

  it.each([
    ["size=64m", "The disk of "],
    ["size=64k", "The disk of "],
    ["ro", "cannot make a file in "],
  ])("%s: the VM boots, with a warning, and nothing is left", (options, why) => {
    const result = onFileSystem(options, command);
    expect(result).toMatchObject({ ...ran(), left: "0" });
    expect(result.stderr).toContain(`${kept}${why}`);
  });

  it("prepare says that the disk is full, or that it may not write", () => {
    const full = onFileSystem("size=64m", ["prepare", "--json"]);
    expect(full).toMatchObject({ status: 1, left: "0" });
    expect(JSON.parse(full.stdout).error).toMatchObject({
      code: "host_disk_full",
      hint: "pyro env prune",
      details: { path: home.templates },
    });
    const readOnly = onFileSystem("ro", ["prepare", "--json"]);
    expect(JSON.parse(readOnly.stdout).error).toMatchObject({ code: "cache_not_writable" });
  });
});
