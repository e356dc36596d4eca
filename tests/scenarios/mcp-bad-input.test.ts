/** Messages that no client should send, over stdio: each is answered or left out, and the server goes on. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import type { Connected } from "../support/mcp.ts";

const MIB = 1_048_576;

let fake: FakeMcp;
beforeAll(async () => {
  fake = await openFakeMcp();
});
afterAll(() => fake.close());

/** A server and what it says, line by line. */
class Raw {
  readonly child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    const { command, args, env, cwd } = fake.server();
    this.child = spawn(command, [...args], { env, stdio: ["pipe", "pipe", "ignore"], ...(cwd && { cwd }) });
    if (this.child.stdout === null) throw new Error("no standard output");
    this.#lines = createInterface({ input: this.child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  say(text: string): void {
    this.child.stdin?.write(`${text}\n`);
  }

  async next(): Promise<{ id: unknown; result?: unknown; error?: { code: number; message: string } }> {
    const { value } = await this.#answers.next();
    return JSON.parse(value);
  }

  async open(): Promise<this> {
    const clientInfo = { name: "raw", version: "1" };
    this.ask(0, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
    await this.next();
    return this;
  }

  ask(id: unknown, method: string, params: unknown): void {
    this.say(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  }

  async close(): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}

describe("a server over stdio", () => {
  it("goes on after what is no JSON, no message, or empty", async () => {
    const raw = await new Raw().open();
    for (const line of [
      "{bad",
      "",
      "[1]",
      "null",
      "42",
      '"text"',
      "{}",
      "\u0000",
      '{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
    ])
      raw.say(line);
    raw.say(`${"[".repeat(100_000)}`);
    raw.ask(1, "tools/list", {});
    expect(await raw.next()).toMatchObject({ id: 1, result: { tools: expect.any(Array) } });
    await raw.close();
  });

  it("takes a message of 10 MB, and answers one that is too long without reading it", async () => {
    const raw = await new Raw().open();
    const write = (id: number, size: number) =>
      raw.ask(id, "tools/call", {
        name: "workspace_file_write",
        arguments: { workspace_id: "none", path: "x", text: "x".repeat(size) },
      });
    write(1, 10 * MIB);
    expect(await raw.next()).toMatchObject({ id: 1, result: { isError: true } });
    raw.say(`{"jsonrpc":"2.0","method":"tools/call","params":{"x":"${"x".repeat(17 * MIB)}"},"id":2}`);
    expect(await raw.next()).toMatchObject({ id: 2, error: { code: -32600 } });
    write(3, 100 * MIB);
    raw.ask(4, "tools/list", {});
    expect(await raw.next()).toMatchObject({ id: 4, result: { tools: expect.any(Array) } });
    await raw.close();
  });

  it("answers what it does not know, and what is of the wrong shape", async () => {
    const raw = await new Raw().open();
    raw.ask(1, "tools/call", { name: "no_such_tool", arguments: {} });
    expect(await raw.next()).toMatchObject({ id: 1, error: { code: -32602, message: "Unknown tool: no_such_tool" } });
    raw.ask(2, "tools/call", { name: 7 });
    expect(await raw.next()).toMatchObject({ id: 2, error: { code: -32602 } });
    raw.ask(3, "tools/call", { name: "workspace_status", arguments: [] });
    expect(await raw.next()).toMatchObject({ id: 3, error: { code: -32602 } });
    raw.ask(4, "no/such/method", {});
    expect(await raw.next()).toMatchObject({ id: 4, error: { code: -32601 } });
    raw.ask(5, "tools/call", { name: "__proto__", arguments: {} });
    expect(await raw.next()).toMatchObject({ id: 5, error: { code: -32602 } });
    raw.say('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"never"}}');
    raw.ask("six", "tools/list", {});
    expect(await raw.next()).toMatchObject({ id: "six" });
    await raw.close();
  });

  it("has no resources to read, whatever their names", async () => {
    const raw = await new Raw().open();
    const began = performance.now();
    raw.ask(1, "resources/read", { uri: `file://${"{a*}".repeat(10_000)}${"/".repeat(50_000)}` });
    expect(await raw.next()).toMatchObject({ id: 1, error: { code: -32601 } });
    expect(performance.now() - began).toBeLessThan(500);
    await raw.close();
  });
});

describe("arguments", () => {
  let session: Connected;
  beforeAll(async () => {
    session = await fake.connect();
  });
  afterAll(() => session.close());

  it.each([
    ["workspace_exec", { workspace_id: "x", command: "ls -l" }, "command"],
    ["workspace_exec", { workspace_id: "x", command: ["a\0b"] }, "NUL"],
    ["workspace_exec", { workspace_id: "x", command: [], timeout_seconds: 5 }, "command"],
    ["workspace_exec", { workspace_id: "x", command: ["true"], timeout_seconds: 1e9 }, "timeout_seconds"],
    ["workspace_exec", { workspace_id: "x", command: ["true"], timeoutSeconds: 5 }, "timeoutSeconds"],
    ["workspace_exec", { workspace_id: "x", command: ["true"], cwd: "/" }, "cwd"],
    ["workspace_create", { mem_mib: "0x10" }, "mem_mib"],
    ["workspace_create", { mem_mib: -1 }, "mem_mib"],
    ["workspace_create", { ttl_seconds: 1e12 }, "ttl_seconds"],
    ["workspace_create", { name: "../x" }, "name"],
    ["workspace_status", {}, "workspace_id"],
    ["workspace_status", { workspace_id: "" }, "workspace_id"],
    ["workspace_status", { workspace_id: 7 }, "workspace_id"],
    ["workspace_status", { id: "x" }, "id"],
    ["workspace_logs", { workspace_id: "x", grep: "(" }, ""],
  ])("that are wrong are named: %s %j", async (tool, args, named) => {
    const reply = await session.call(tool, args);
    expect(reply.isError).toBe(true);
    expect(["invalid_input", "workspace_not_found"]).toContain(reply.data["code"]);
    expect(reply.text).toContain(named);
    expect(reply.text).not.toMatch(/\n\s+at /);
  });

  it.each(["../x", "ws-000000000000", "__proto__", "constructor", "x".repeat(256), "ｗｓ-1", "a/b"])(
    "that name no workspace find none: %j",
    async (workspace_id) => {
      const reply = await session.call("workspace_status", { workspace_id });
      expect(reply.isError).toBe(true);
      expect(["invalid_input", "workspace_not_found"]).toContain(reply.data["code"]);
    },
  );
});

describe("clients that share the numbers of their requests", () => {
  it("get each their own answers, 10,000 times", async () => {
    const sessions = await Promise.all([fake.connect(), fake.connect()]);
    const rounds = 5_000;
    const crossed = await Promise.all(
      sessions.map(async ({ call }, who) => {
        let wrong = 0;
        for (let at = 0; at < rounds; at += 100) {
          const fields = Array.from({ length: 100 }, (_, one) => `field_${who}_${at + one}`);
          const replies = await Promise.all(fields.map((field) => call("workspace_exec", { [field]: true })));
          wrong += replies.filter(({ text }, one) => !text.includes(`has no field "${fields[one]}"`)).length;
        }
        return wrong;
      }),
    );
    expect(crossed).toEqual([0, 0]);
    await Promise.all(sessions.map((session) => session.close()));
  });
});
