/** What each real chat host does with pyro's server, written once: asked without a person, with a model that follows a script. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { checkedOptions, serverOptions } from "../../src/contract/server-options.ts";
import { instructionsFor } from "../../src/mcp/instructions.ts";
import { type SurfaceName, surfaces } from "../../src/mcp/surfaces.ts";
import { patch, seedFiles } from "../scenarios/mcp-scenarios.ts";
import type { ChatHost } from "./support/chat-hosts.ts";
import { type Facts, factsOf, lastOf } from "./support/facts.ts";
import { installed } from "./support/install.ts";
import { openPlace, type Place } from "./support/place.ts";
import type { SeenResult, Step, ToolUse } from "./support/script.ts";
import { offeredAs } from "./support/scripted-model.ts";
import { type EndedSession, type Session, type SessionOptions, startSession } from "./support/session.ts";

/** A host that is installed, at its place. */
export interface HostAtPlace {
  readonly place: Place;
  start(steps: readonly Step[], options?: SessionOptions): Promise<Session>;
  /** Runs to the end, which must be a good one, of host and script */
  run(steps: readonly Step[], options?: SessionOptions): Promise<EndedSession>;
  /** Kills the sessions that have not ended, as where a test failed */
  killAll(): void;
}

/** What the first line of the instructions has nothing of. */
const NO_FACTS = { environment: "", roots: "", export_root: "", seed: "" };
const HOST_LIMIT_SECONDS = 6;
/** Longer than the pause between two words of progress, 5 s. */
const LONG_CALL_LIMIT_SECONDS = 9;
export const LAST_WORD = "The script is over";
/** Tools that Claude Code has from the start because pyro says so of them. */
const eager = [
  "workspace_create",
  "workspace_exec",
  "workspace_file_read",
  "workspace_patch_apply",
  "workspace_diff",
  "workspace_reset",
];

const use = (tool: string, input: ToolUse["input"] = {}): ToolUse => ({ tool, input });

/** The call of a tool on the workspace that the script created or listed. */
export function inWorkspace(host: ChatHost, tool: string, input: ToolUse["input"] = {}): Step {
  return (seen) => [use(tool, { workspace_id: workspaceOf(host, seen), ...input })];
}

function workspaceOf(host: ChatHost, seen: readonly SeenResult[]): unknown {
  if (seen.some(({ tool }) => tool === "workspace_create"))
    return lastOf(host, seen, "workspace_create")["workspace_id"];
  const [first] = lastOf(host, seen, "workspace_list")["workspaces"] as readonly Facts[];
  return first?.["workspace_id"];
}

/** Asks for tools that the host has not shown yet, where it leaves any out. */
const loading = (host: ChatHost, ...tools: string[]): Step[] => (host.load ? [[host.load(tools)]] : []);

const shell = (script: string) => ["sh", "-c", script];

/** Registers what every host must do, and more for one of them. */
export async function hostScenarios(host: ChatHost, more: (at: () => HostAtPlace) => void = () => {}): Promise<void> {
  const install = await installed(host);
  const program = "program" in install ? install.program : "";
  describe.skipIf("reason" in install)(`${host.name} ${host.version}`, () => {
    let at: HostAtPlace;
    beforeAll(async () => {
      at = hostAt(host, program, await openPlace(host.name.toLowerCase().replaceAll(" ", "-")));
    });
    afterAll(() => at?.place.close());
    afterEach(async () => {
      at.killAll();
      expect((await at.place.pyro.listWorkspaces()).workspaces).toEqual([]);
      expect(await at.place.processes()).toEqual([]);
    });
    it("shows its model the tools, and what the instructions say", () => showsTools(host, at, "workspace-core", []));
    it("shows the tools of a mode", () => showsTools(host, at, "repro-fix", ["--mode", "repro-fix"]));
    it("reproduces a failure, fixes it and shows the fix, on a copy of the checkout", () => fixes(host, at));
    it("is killed while a command runs: the next session finds workspace and output", () => isKilled(host, at));
    it("gives a command that outlasts its limit all the time that it needs", () => outlasts(host, at));
    if (host.minds_progress) it("waits beyond its limit while it is told of progress", () => isToldOf(host, at));
    else it("gives up on a command: that ends, and what it printed is kept", () => givesUp(host, at));
    more(() => at);
  });
}

function hostAt(host: ChatHost, program: string, place: Place): HostAtPlace {
  const sessions: Session[] = [];
  const start: HostAtPlace["start"] = async (steps, options) => {
    const session = await startSession(host, program, place, steps, options);
    sessions.push(session);
    return session;
  };
  const run: HostAtPlace["run"] = async (steps, options) => {
    const ended = await (await start(steps, options)).ended();
    expect(ended.model.failures, ended.output).toEqual([]);
    expect(ended.status, ended.output).toBe(0);
    expect(ended.output).toContain(LAST_WORD);
    return ended;
  };
  const killAll = () => {
    for (const session of sessions.splice(0)) session.kill();
  };
  return { place, start, run, killAll };
}

async function showsTools(host: ChatHost, { run }: HostAtPlace, surface: SurfaceName, flags: string[]): Promise<void> {
  const { model } = await run([LAST_WORD], { flags });
  const [asked] = model.requests;
  const offered = asked?.tools.filter(({ name, namespace = "" }) => /pyro/.test(namespace + name)) ?? [];
  const names = offered.map(({ name }) => name.replace(/^.*pyro_+/, ""));
  const { tools } = surfaces[surface];
  expect(names.toSorted()).toEqual((host.load ? eager : tools).toSorted());
  // Where tools are left out, their names are there.
  if (host.load) for (const tool of tools) expect(asked?.system + names.join()).toContain(tool);
  const exec = offeredAs("workspace_exec", offered);
  expect(exec?.description).toContain("exit_code");
  expect(exec?.parameters["required"]).toEqual(["workspace_id", "command"]);
  const options = checkedOptions(serverOptions, surface === "workspace-core" ? {} : { mode: surface });
  const [opening = ""] = instructionsFor(options, NO_FACTS).split("\n");
  expect(asked?.system).toContain(opening);
}

async function fixes(host: ChatHost, { place, run }: HostAtPlace): Promise<void> {
  const before = place.checkout(host.leaves);
  const test = inWorkspace(host, "workspace_exec", { command: ["sh", "test.sh"] });
  const { model } = await run([
    [use("workspace_create")],
    test,
    inWorkspace(host, "workspace_file_read", { path: "answer.sh" }),
    inWorkspace(host, "workspace_patch_apply", { patch }),
    test,
    inWorkspace(host, "workspace_diff"),
    ...loading(host, "workspace_delete"),
    inWorkspace(host, "workspace_delete"),
    LAST_WORD,
  ]);
  const seen = model.results.filter(({ tool }) => tool.startsWith("workspace_")).map((each) => factsOf(host, each));
  const [created, failing, read, patched, passing, diff, deleted] = seen;
  expect(created).toMatchObject({
    state: "started",
    workspace_seed: { origin_kind: "git_checkout", origin_ref: place.project, entry_count: 3, dirty: true },
  });
  expect(failing).toMatchObject({ exit_code: 3, stderr: "want 42\n", state: "finished", outcome: { kind: "exited" } });
  expect(read).toMatchObject({ content: seedFiles["answer.sh"], truncated: false });
  expect(patched).toMatchObject({ files: [{ path: "answer.sh", status: "modified" }] });
  expect(passing).toMatchObject({ exit_code: 0, state: "finished" });
  expect(diff).toMatchObject({ entry_count: 1, additions: 1, deletions: 1 });
  expect(diff?.["patch"]).toContain("-echo 41\n+echo 42\n");
  expect(deleted).toMatchObject({ workspace_id: created?.["workspace_id"] });
  expect(place.checkout(host.leaves)).toEqual(before);
}

async function isKilled(host: ChatHost, { place, start, run }: HostAtPlace): Promise<void> {
  const command = shell("echo begun; sleep 600");
  const first = await start([
    [use("workspace_create")],
    inWorkspace(host, "workspace_exec", { command, timeout_seconds: 900 }),
  ]);
  const workspace_id = await untilPrinted(place, "begun\n");
  first.kill();
  expect(await first.ended()).toMatchObject({ status: null });
  expect(first.model.failures).toEqual([]);
  expect(await place.processes((line) => line.includes("mcp serve"))).toEqual([]);

  const { model } = await run([
    ...loading(host, "workspace_list", "workspace_logs", "workspace_delete"),
    [use("workspace_list")],
    inWorkspace(host, "workspace_logs", { sequence: 1 }),
    inWorkspace(host, "workspace_exec", { command: shell("pgrep -c sleep; cat answer.sh") }),
    inWorkspace(host, "workspace_delete"),
    LAST_WORD,
  ]);
  expect(lastOf(host, model.results, "workspace_list")["workspaces"]).toMatchObject([
    { workspace_id, state: "started" },
  ]);
  expect(lastOf(host, model.results, "workspace_logs")).toMatchObject({ output: "begun\n" });
  expect(lastOf(host, model.results, "workspace_exec")).toMatchObject({ stdout: `0\n${seedFiles["answer.sh"]}` });
}

/** Waits until the first command of the only workspace has printed that; gives the workspace. */
async function untilPrinted({ pyro }: Place, output: string): Promise<string> {
  for (;;) {
    const [workspace] = (await pyro.listWorkspaces()).workspaces;
    if (workspace && workspace.command_count > 0) {
      const { workspace_id } = workspace;
      const logs = await pyro.logsWorkspace({ workspace_id, sequence: 1 });
      if (logs.output === output) return workspace_id;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function outlasts(host: ChatHost, { run }: HostAtPlace): Promise<void> {
  const command = shell("echo one; until [ -e go ]; do sleep 0.1; done; echo two; exit 4");
  let began = 0;
  let outlasted = 0;
  const wait = (timeout_seconds: number): Step => {
    return (seen) => {
      const { sequence, cursor } = lastOf(host, seen, "workspace_exec");
      outlasted = performance.now() - began;
      return [use("workspace_wait", { workspace_id: workspaceOf(host, seen), sequence, cursor, timeout_seconds })];
    };
  };
  const steps: readonly Step[] = [
    [use("workspace_create")],
    ...loading(host, "workspace_wait", "workspace_file_write", "workspace_delete"),
    (seen) => {
      began = performance.now();
      const input = { workspace_id: workspaceOf(host, seen), command, timeout_seconds: 120, yield_after_seconds: 3 };
      return [use("workspace_exec", input)];
    },
    wait(3),
    wait(3),
    inWorkspace(host, "workspace_file_write", { path: "go", text: "" }),
    wait(5),
    inWorkspace(host, "workspace_delete"),
    LAST_WORD,
  ];
  const { model } = await run(steps, { tool_timeout_seconds: HOST_LIMIT_SECONDS });
  expect(outlasted).toBeGreaterThan(HOST_LIMIT_SECONDS * 1_000);
  expect(lastOf(host, model.results, "workspace_exec")).toMatchObject({
    state: "running",
    exit_code: null,
    stdout: "one\n",
  });
  const waits = model.results.filter(({ tool }) => tool === "workspace_wait").map((each) => factsOf(host, each));
  expect(waits).toMatchObject([
    { reason: "timeout", state: "running", output: "" },
    { reason: "timeout", state: "running", output: "" },
    { reason: "matched", exit_code: 4, output: "two\n" },
  ]);
}

/** One call that takes longer than the host's limit, and what a model asks then. */
function longCall(host: ChatHost, { run }: HostAtPlace): Promise<EndedSession> {
  const command = shell(`echo begun; sleep ${LONG_CALL_LIMIT_SECONDS + 5}; echo ended`);
  const steps: readonly Step[] = [
    [use("workspace_create")],
    ...loading(host, "workspace_logs", "workspace_delete"),
    inWorkspace(host, "workspace_exec", { command, timeout_seconds: 120 }),
    inWorkspace(host, "workspace_logs", { sequence: 1 }),
    inWorkspace(host, "workspace_exec", { command: shell("pgrep -c sleep") }),
    inWorkspace(host, "workspace_delete"),
    LAST_WORD,
  ];
  return run(steps, { tool_timeout_seconds: LONG_CALL_LIMIT_SECONDS });
}

async function givesUp(host: ChatHost, at: HostAtPlace): Promise<void> {
  const { results } = (await longCall(host, at)).model;
  expect(results.find(({ tool }) => tool === "workspace_exec")?.text).toContain("timed out");
  expect(lastOf(host, results, "workspace_logs")).toMatchObject({
    output: "begun\n",
    commands: [{ state: "finished", outcome_kind: "cancelled", stdout_bytes: 6 }],
  });
  expect(lastOf(host, results, "workspace_exec")).toMatchObject({ sequence: 2, stdout: "0\n" });
}

async function isToldOf(host: ChatHost, at: HostAtPlace): Promise<void> {
  const { results } = (await longCall(host, at)).model;
  const [long] = results.filter(({ tool }) => tool === "workspace_exec");
  expect(long && factsOf(host, long)).toMatchObject({ exit_code: 0, stdout: "begun\nended\n" });
  expect(lastOf(host, results, "workspace_logs")).toMatchObject({ output: "begun\nended\n" });
}
