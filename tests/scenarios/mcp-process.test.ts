/** The process of `pyro mcp serve` as hosts treat it: started with little, killed with its group, and silent but for the protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliResult, finished, pyroProgram } from "../support/cli.ts";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import { overStdio } from "../support/mcp.ts";
import { patience } from "../support/patience.ts";

const FIRST_ANSWER_MS = 350 * patience;
const END_MS = 200 * patience;
const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};

let fake: FakeMcp;
let home = "";
beforeAll(async () => {
  fake = await openFakeMcp();
  home = mkdtempSync(join(tmpdir(), "pyro-mcp-home-"));
  mkdirSync(join(home, "project"));
});
afterAll(() => {
  fake.close();
  rmSync(home, { recursive: true, force: true });
});

/** The real command with what the most sparing host gives: no runtime directory, no user, no working directory by name. */
function start(args: readonly string[] = []): ChildProcess {
  const env = { HOME: home, PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8" };
  return spawn(pyroProgram, ["mcp", "serve", ...args], { env, cwd: join(home, "project"), stdio: "pipe" });
}

async function answered(child: ChildProcess): Promise<void> {
  child.stdin?.write(`${JSON.stringify(initialize)}\n`);
  if (child.stdout !== null) await once(child.stdout, "data");
}

async function fastest(times: number, measure: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let at = 0; at < times; at += 1) best = Math.min(best, await measure());
  return best;
}

describe("a start", () => {
  it(`answers within ${FIRST_ANSWER_MS} ms and leaves nothing on the disk`, async () => {
    const best = await fastest(5, async () => {
      const began = performance.now();
      const child = start();
      await answered(child);
      const took = performance.now() - began;
      child.stdin?.end();
      await once(child, "exit");
      return took;
    });
    expect(best).toBeLessThan(FIRST_ANSWER_MS);
    expect(readdirSync(home)).toEqual(["project"]);
    expect(readdirSync(join(home, "project"))).toEqual([]);
  });

  it.each([
    [["--mode", "no-such"], "mode"],
    [["--profile", "workspace-core", "--mode", "inspect"], "exclude"],
    [["--repo-ref", "main"], "repo_ref needs repo_url"],
    [["--no-such-flag"], "no-such-flag"],
    [["extra"], "extra"],
  ])("with %j is refused as wrong usage", async (args, told) => {
    const child = start(args);
    child.stdin?.end();
    const { status, stderr, stdout }: CliResult = await finished(child);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(told);
  });

  it("shows its flags where it is asked for help", async () => {
    const { status, stdout } = await finished(start(["--help"]));
    expect(status).toBe(0);
    for (const flag of ["--profile", "--mode", "--project-path", "--repo-url", "--repo-ref", "--no-project-source"])
      expect(stdout).toContain(flag);
  });
});

describe("an end", () => {
  it.each(["end of input", "SIGINT", "SIGTERM", "SIGHUP"] as const)(
    `by %s takes less than ${END_MS} ms`,
    async (how) => {
      const best = await fastest(3, async () => {
        const child = start();
        await answered(child);
        const began = performance.now();
        if (how === "end of input") child.stdin?.end();
        else child.kill(how);
        const [status] = await once(child, "exit");
        expect(status).toBe(0);
        return performance.now() - began;
      });
      expect(best).toBeLessThan(END_MS);
    },
  );

  it("takes no longer while a call goes on, and cancels that", async () => {
    const { command, args, env, cwd } = fake.server();
    const session = await fake.connect();
    await session.call("workspace_create", { name: "busy" });
    const child = spawn(command, [...args], { env, stdio: "pipe", ...(cwd && { cwd }) });
    await answered(child);
    const call = {
      name: "workspace_exec",
      arguments: { workspace_id: "busy", command: ["sh", "-c", "touch began; sleep 60"] },
    };
    child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params: call })}\n`);
    const absent = async () =>
      (await session.call("workspace_file_read", { workspace_id: "busy", path: "began" })).isError;
    await expect.poll(absent, { timeout: 10_000 }).toBe(false);
    const began = performance.now();
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(performance.now() - began).toBeLessThan(2 * END_MS);
    const ended = async () => {
      const { data } = await session.call("workspace_logs", { workspace_id: "busy" });
      return (data["commands"] as { outcome_kind: string | null }[])[0]?.outcome_kind;
    };
    await expect.poll(ended, { timeout: 10_000 }).toBe("cancelled");
    await session.call("workspace_delete", { workspace_id: "busy" });
    await session.close();
  });

  it("by SIGKILL of the whole process group leaves workspaces and what was detached alive", async () => {
    const { command, args, env, cwd } = fake.server();
    const child = spawn(command, [...args], { env, stdio: "pipe", detached: true, ...(cwd && { cwd }) });
    await answered(child);
    const say = async (id: number, name: string, given: object) => {
      child.stdin?.write(
        `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: given } })}\n`,
      );
      if (child.stdout !== null) await once(child.stdout, "data");
    };
    await say(2, "workspace_create", { name: "survives" });
    const script = ["sh", "-c", "until [ -e go ]; do sleep 0.05; done; echo on"];
    await say(3, "workspace_exec", { workspace_id: "survives", command: script, detach: true });
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await once(child, "exit");
    const session = await fake.connect();
    await session.call("workspace_file_write", { workspace_id: "survives", path: "go", text: "" });
    const { data } = await session.call("workspace_wait", { workspace_id: "survives", sequence: 1 });
    expect(data).toMatchObject({ reason: "matched", exit_code: 0, output: "on\n" });
    await session.call("workspace_delete", { workspace_id: "survives" });
    await session.close();
    expect(await fake.leftovers()).toEqual([]);
  });
});

describe("standard output", () => {
  it("has the protocol alone, whatever else in the process writes there", async () => {
    const child = spawn(process.execPath, ["--import", noisy, pyroProgram, "mcp", "serve"], {
      env: { HOME: home, PATH: process.env["PATH"] ?? "" },
      stdio: "pipe",
    });
    child.stdin?.write(`${JSON.stringify(initialize)}\n`);
    child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/list" })}\n`);
    let lines = 0;
    child.stdout?.on("data", (data: Buffer) => {
      lines += data.toString().split("\n").length - 1;
      if (lines >= 2) child.stdin?.end();
    });
    const { stdout, stderr } = await finished(child);
    const messages = stdout.trimEnd().split("\n");
    expect(messages.map((line) => JSON.parse(line).jsonrpc)).toEqual(["2.0", "2.0"]);
    expect(stderr).toContain("noise of a dependency");
  });
});

/** A module that prints all the time. */
const noisy = `data:text/javascript,${encodeURIComponent(
  "setInterval(() => { console.log('noise of a dependency'); process.stdout.write('noise'); }, 5).unref(); setImmediate(() => setTimeout(() => console.log('noise of a dependency'), 30));",
)}`;

describe("a host that gives hardly any environment", () => {
  it("gets the same workspaces, by the home of the user alone", async () => {
    const env = { HOME: home, PATH: process.env["PATH"] ?? "" };
    const { call, close } = await overStdio({ command: pyroProgram, args: ["mcp", "serve"], env });
    expect(await call("workspace_list")).toMatchObject({ isError: false, data: { workspaces: [] } });
    expect(existsSync(join(home, ".local/share/pyro/mcp-token"))).toBe(false);
    await close();
  });
});
