/** How long a command waits for its agent, and how an agent waits for a slow reader. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agentThat, closeAgents, ended, event, record } from "../../tests/support/hostile-agent.ts";
import type { AgentClient, ExecIo } from "./client.ts";
import { recordHeader } from "./records.ts";

const MIB = 1_048_576;
const params = { argv: ["true"], env: {}, cwd: "/", timeout_ms: null, stdin: false, ends_tree: false, pty: null };

function exec(client: AgentClient, more: Partial<ExecIo> = {}) {
  const io = {
    stdin: undefined,
    onOutput: () => {},
    signal: new AbortController().signal,
    deadline_ms: undefined,
    ...more,
  };
  const state = { over: false, code: "" };
  const done = client.exec(params, io).then(
    (end) => Object.assign(state, { over: true, code: String(end.exit_code) }),
    (error: { code: string }) => Object.assign(state, { over: true, code: error.code }),
  );
  return { state, done };
}

/** Lets bytes that are on their way arrive; the sockets are real, only the clock is not. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(seconds: number): Promise<void> {
  await settle();
  vi.advanceTimersByTime(seconds * 1000);
  await settle();
}

afterEach(closeAgents);

describe("patience", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("ends with agent_stalled after the command's deadline", async () => {
    const { client } = await agentThat((stream) => stream.respond({ ":status": 200 }));
    const { state } = exec(client, { deadline_ms: 30_000 });
    await pass(29);
    expect(state.over).toBe(false);
    await pass(2);
    expect(state).toEqual({ over: true, code: "agent_stalled" });
  });

  it("ends with agent_stalled when there is not even a status", async () => {
    const { client } = await agentThat(() => {});
    const { state } = exec(client, { deadline_ms: 100 });
    await pass(11);
    expect(state).toEqual({ over: true, code: "agent_stalled" });
  });

  it("gives a record that has begun ten seconds", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      stream.write(recordHeader(1, 100));
    });
    const { state } = exec(client);
    await pass(9);
    expect(state.over).toBe(false);
    await pass(2);
    expect(state).toEqual({ over: true, code: "agent_stalled" });
  });

  it("gives no more to a record that dribbles in", async () => {
    let dribble = () => {};
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      stream.write(recordHeader(1, 1000));
      dribble = () => void stream.write("x");
    });
    const { state } = exec(client);
    for (let second = 0; second < 15 && !state.over; second += 1) {
      await pass(1);
      dribble();
    }
    expect(state).toEqual({ over: true, code: "agent_stalled" });
  });

  it("gives no more to a command that goes on printing after its deadline", async () => {
    let print = () => {};
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      print = () => void stream.write(record(1, "x"));
    });
    const { state } = exec(client, { deadline_ms: 1000 });
    for (let second = 0; second < 60 && !state.over; second += 1) {
      await pass(1);
      print();
    }
    expect(state).toEqual({ over: true, code: "agent_stalled" });
  });

  it("has no end for a quiet command without a deadline", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      stream.write(event({ event: "started", pid: 7 }));
    });
    const { state } = exec(client);
    await pass(86_400);
    expect(state.over).toBe(false);
  });

  it("does not count the time that the reader takes", async () => {
    let taken = () => {};
    let finish = () => {};
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      stream.write(record(1, "x"));
      finish = () => void stream.end(event(ended));
    });
    const onOutput = () =>
      new Promise<void>((resolve) => {
        taken = resolve;
      });
    const { state, done } = exec(client, { deadline_ms: 1000, onOutput });
    await pass(3600);
    taken();
    await pass(0.5);
    expect(state.over).toBe(false);
    finish();
    await done;
    expect(state.code).toBe("0");
  });
});

describe("back-pressure", () => {
  it("holds the agent back while the reader is slow, with memory flat", { timeout: 30_000 }, async () => {
    const total = 64 * MIB;
    let written = 0;
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      const chunk = record(1, Buffer.alloc(65_536 - 5));
      const more = () => {
        while (written < total) {
          written += chunk.length;
          if (!stream.write(chunk)) return;
        }
        stream.off("drain", more);
        stream.end(event(ended));
      };
      stream.on("drain", more);
      more();
    });
    let received = 0;
    let release = () => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const rss = process.memoryUsage.rss();
    const onOutput = (_kind: string, data: Buffer) => {
      received += data.length;
      return received < MIB ? undefined : blocked;
    };
    const { done } = exec(client, { onOutput });
    await vi.waitUntil(() => received >= MIB, 10_000);
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(total - written).toBeGreaterThan(48 * MIB);
    expect((process.memoryUsage.rss() - rss) / MIB).toBeLessThan(48);
    release();
    expect((await done).code).toBe("0");
    expect(received).toBeGreaterThanOrEqual(total - 65_536);
  });

  it("keeps other commands going while one reader is blocked", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      stream.end(Buffer.concat([record(1, Buffer.alloc(500_000)), event(ended)]));
    });
    const stuck = exec(client, { onOutput: () => new Promise(() => {}) });
    for (let count = 0; count < 100; count += 1) expect((await exec(client).done).code).toBe("0");
    expect(stuck.state.over).toBe(false);
  });
});
