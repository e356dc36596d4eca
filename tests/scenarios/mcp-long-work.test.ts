/** Commands that outlast the patience of a host: yielded, waited for, told of, cancelled, and lost by nobody. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import type { Connected } from "../support/mcp.ts";

let fake: FakeMcp;
let session: Connected;
const workspace_id = "long";

beforeAll(async () => {
  fake = await openFakeMcp();
  session = await fake.connect();
  await session.call("workspace_create", { name: workspace_id });
});
afterAll(async () => {
  await session.close();
  fake.close();
});

const exec = (script: string, more: Record<string, unknown> = {}, options: Parameters<Connected["call"]>[2] = {}) =>
  session.call(
    "workspace_exec",
    { workspace_id, command: ["sh", "-c", script], timeout_seconds: 60, ...more },
    options,
  );
/** Whether a file appears in the workspace. */
const appears = (path: string) => async () =>
  (await session.call("workspace_file_read", { workspace_id, path })).isError ? "absent" : "there";

describe("a long command", () => {
  it("is answered as running, goes on, and gives everything to those who wait", async () => {
    const running = await exec("echo begun; until [ -e go ]; do sleep 0.05; done; echo ended; exit 4", {
      yield_after_seconds: 1,
    });
    expect(running).toMatchObject({
      isError: false,
      data: { state: "running", exit_code: null, outcome: null, stdout: "begun\n" },
    });
    const { sequence, cursor } = running.data;
    const early = await session.call("workspace_wait", { workspace_id, sequence, timeout_seconds: 1, cursor });
    expect(early).toMatchObject({ isError: false, data: { reason: "timeout", state: "running", output: "" } });
    await session.call("workspace_file_write", { workspace_id, path: "go", text: "" });
    const ended = await session.call("workspace_wait", { workspace_id, sequence, cursor });
    expect(ended.data).toMatchObject({ reason: "matched", exit_code: 4, output: "ended\n" });
    const logs = await session.call("workspace_logs", { workspace_id, sequence });
    expect(logs.data).toMatchObject({ output: "begun\nended\n" });
  });

  it("through a client that gives up each call early loses nothing", async () => {
    const patience = { timeout: 2_500 };
    const script = "for i in 1 2 3 4; do echo line $i; sleep 1; done";
    const running = await exec(script, { yield_after_seconds: 1 }, patience);
    const { sequence, cursor } = running.data;
    const read = [String(running.data["stdout"])];
    let at = cursor;
    for (let state = running.data["state"]; state === "running"; ) {
      const wait = { workspace_id, sequence, cursor: at, timeout_seconds: 1 };
      const { data } = await session.call("workspace_wait", wait, patience);
      read.push(String(data["output"]));
      at = data["next_cursor"];
      state = data["state"];
    }
    expect(read.join("")).toBe("line 1\nline 2\nline 3\nline 4\n");
  });

  it("is told of while it runs, where the client wants to know", async () => {
    const told: { progress: number; message: string }[] = [];
    await exec(
      "for i in 1 2 3 4 5 6; do echo step $i; sleep 0.1; done",
      {},
      {
        onprogress: ({ progress, message }) => void told.push({ progress, message: message ?? "" }),
      },
    );
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.map(({ progress }) => progress)).toEqual(told.map((_, at) => at + 1));
    expect(told.at(-1)?.message).toMatch(/^\d+ s, \d+ bytes printed: step \d$/);
  });

  it("dies with everything it started when its call is cancelled", async () => {
    const gone = new AbortController();
    const script = "(until [ -e after ]; do sleep 0.05; done; touch survived) & touch running; wait";
    const call = exec(script, {}, { signal: gone.signal }).catch(() => "cancelled");
    await expect.poll(appears("running"), { timeout: 10_000 }).toBe("there");
    gone.abort();
    expect(await call).toBe("cancelled");
    const ended = async () => {
      const { data } = await session.call("workspace_logs", { workspace_id });
      return (data["commands"] as { outcome_kind: string | null }[]).at(-1)?.outcome_kind;
    };
    await expect.poll(ended, { timeout: 10_000 }).toBe("cancelled");
    await exec("touch after; sleep 0.5");
    expect(await appears("survived")()).toBe("absent");
  });

  it("lives on when its call is cancelled after it was detached", async () => {
    const { data } = await exec("until [ -e leave ]; do sleep 0.05; done; touch left", { detach: true });
    expect(data).toMatchObject({ state: "running" });
    const { sequence } = data;
    const gone = new AbortController();
    const waiting = session
      .call("workspace_wait", { workspace_id, sequence, timeout_seconds: 30 }, { signal: gone.signal })
      .catch(() => "cancelled");
    gone.abort();
    expect(await waiting).toBe("cancelled");
    await session.call("workspace_file_write", { workspace_id, path: "leave", text: "" });
    expect((await session.call("workspace_wait", { workspace_id, sequence })).data).toMatchObject({ exit_code: 0 });
    expect(await appears("left")()).toBe("there");
  });

  it("that was answered as running outlives the server that ran it", async () => {
    const other = await fake.connect();
    const { data } = await other.call("workspace_exec", {
      workspace_id,
      command: ["sh", "-c", "until [ -e over ]; do sleep 0.05; done; echo survived"],
      timeout_seconds: 60,
      yield_after_seconds: 1,
    });
    await other.close();
    await session.call("workspace_file_write", { workspace_id, path: "over", text: "" });
    const { sequence } = data;
    expect((await session.call("workspace_wait", { workspace_id, sequence })).data).toMatchObject({
      exit_code: 0,
      output: "survived\n",
    });
  });

  it("is cancelled when the server's client goes away while it waits", async () => {
    const other = await fake.connect();
    const call = other
      .call("workspace_exec", { workspace_id, command: ["sh", "-c", "touch began; sleep 60"], timeout_seconds: 60 })
      .catch(() => "gone");
    await expect.poll(appears("began"), { timeout: 10_000 }).toBe("there");
    await other.close();
    await call;
    const ended = async () => {
      const { data } = await session.call("workspace_logs", { workspace_id });
      return (data["commands"] as { outcome_kind: string | null }[]).at(-1)?.outcome_kind;
    };
    await expect.poll(ended, { timeout: 10_000 }).toBe("cancelled");
  });
});
