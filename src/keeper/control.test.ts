/** Calls over a control socket: results, errors, output with back-pressure, input, and both ends going away. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PyroError } from "../contract/errors.ts";
import type { OperationEvent } from "../contract/progress.ts";
import type { Listening } from "../platform/control-socket.ts";
import { jsonRecord } from "./call.ts";
import { type CallOptions, callKeeper } from "./control-client.ts";
import { type Method, serveCalls } from "./control-server.ts";

let directory: string;
let listening: Listening | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-keeper-"));
});
afterEach(async () => {
  await listening?.close();
  listening = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const options = (more: Partial<CallOptions> = {}): CallOptions => ({
  signal: new AbortController().signal,
  emit: () => {},
  ...more,
});

async function serve(methods: Record<string, Method>): Promise<void> {
  listening = await serveCalls(directory, methods);
}

const call = (method: string, input: unknown = {}, more: Partial<CallOptions> = {}) =>
  callKeeper(directory, method, input, options(more));

describe("a call", () => {
  it("gives the result, also of many at once", async () => {
    await serve({ double: async (input) => ({ twice: Number(input) * 2 }) });
    const all = await Promise.all(Array.from({ length: 50 }, (_, at) => call("double", at)));
    expect(all).toEqual(Array.from({ length: 50 }, (_, at) => ({ result: { twice: at * 2 } })));
  });

  it("throws what the method threw, as it was", async () => {
    const details = { path: "/x", nested: { a: [1] } };
    const refuse = async () => {
      throw new PyroError("host_disk_full", "full", { hint: "pyro env prune --all", details });
    };
    await serve({ refuse });
    const error = { code: "host_disk_full", message: "full", hint: "pyro env prune --all", details };
    await expect(call("refuse")).rejects.toMatchObject(error);
    await expect(call("constructor")).rejects.toMatchObject({ code: "internal_error" });
  });

  it("hands on events and output in their order, byte by byte", async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    await serve({
      talk: async (_, { emit }) => {
        await emit({ type: "progress", stage: "seed", message: "half", done: 1, total: 2, unit: "files" });
        await emit({ type: "stdout", data: bytes });
        await emit({ type: "warning", message: "careful" });
        await emit({ type: "stderr", data: Buffer.from("bad") });
      },
    });
    const seen: OperationEvent[] = [];
    expect(await call("talk", {}, { emit: (event) => void seen.push(event) })).toEqual({ result: null });
    expect(seen.map((event) => ("data" in event ? [event.type, [...event.data]] : event))).toEqual([
      { type: "progress", stage: "seed", message: "half", done: 1, total: 2, unit: "files" },
      ["stdout", [...bytes]],
      { type: "warning", message: "careful" },
      ["stderr", [...Buffer.from("bad")]],
    ]);
  });

  it("holds the method back while the caller does not read", async () => {
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    await serve({
      flood: async (_, { emit }) => {
        for (; sent < 1024; sent += 1) await emit({ type: "stdout", data: chunk });
      },
    });
    let received = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const flooded = call(
      "flood",
      {},
      {
        emit: async (event) => {
          await held;
          if ("data" in event) received += 1;
        },
      },
    );
    await delay(200);
    expect(sent).toBeLessThan(64);
    release();
    await flooded;
    expect(received).toBe(1024);
  });

  it("passes on input to its end, and holds it back while the method does not read", async () => {
    await serve({
      count: async (_, { stdin }) => {
        await delay(50);
        let bytes = 0;
        for await (const chunk of stdin ?? []) bytes += chunk.length;
        return bytes;
      },
      none: async (_, { stdin }) => stdin === undefined,
    });
    const stdin = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(100_000)));
    expect(await call("count", {}, { stdin })).toEqual({ result: 10_000_000 });
    expect(await call("count", {}, { stdin: Readable.from([]) })).toEqual({ result: 0 });
    expect(await call("none")).toEqual({ result: true });
  });
});

describe("a caller that goes away", () => {
  it("ends the method, also before it has sent all of its input", async () => {
    let ended: (reason: string) => void = () => {};
    const end = new Promise<string>((resolve) => {
      ended = resolve;
    });
    await serve({
      wait: (_input, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            ended("aborted");
            resolve(null);
          });
        }),
    });
    const controller = new AbortController();
    const waiting = call("wait", {}, { signal: controller.signal, stdin: new Readable({ read() {} }) });
    await delay(50);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", message: "The call was cancelled" });
    expect(await end).toBe("aborted");
    await expect(call("wait", {}, { signal: controller.signal })).rejects.toMatchObject({ code: "cancelled" });
  });

  it("or sends what is no call, costs nobody else anything", async () => {
    await serve({ ping: async () => "pong" });
    for (const junk of ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\0\u0002{}", "\0\0\0\0\u0003nul", "\u0001\0\0\0\0"]) {
      const socket = connect(join(directory, "control.sock"));
      socket.on("error", () => {});
      socket.end(junk);
      await new Promise((resolve) => socket.once("close", resolve).resume());
    }
    expect(await call("ping")).toEqual({ result: "pong" });
  });
});

describe("a keeper that is not there", () => {
  it("is undefined: no socket, and one that nobody listens on any more", async () => {
    expect(await call("ping")).toBeUndefined();
    abandonedSocket();
    expect(await call("ping")).toBeUndefined();
    await serve({ ping: async () => "pong" });
    expect(await call("ping")).toEqual({ result: "pong" });
  });

  it("any more after it has taken the call is a typed error", async () => {
    const accepted = jsonRecord({ answer: "accepted" });
    const server = createServer((socket) => socket.once("data", () => socket.end(accepted)));
    await new Promise<void>((resolve) => server.listen(join(directory, "control.sock"), resolve));
    await expect(call("ping")).rejects.toMatchObject({ code: "keeper_lost" });
    server.close();
  });

  it("any more before it has taken the call is nobody", async () => {
    const server = createServer((socket) => socket.once("data", () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(join(directory, "control.sock"), resolve));
    expect(await call("ping")).toBeUndefined();
    server.close();
  });

  it("is not replaced by a second one", async () => {
    await serve({ ping: async () => "first" });
    await expect(serveCalls(directory, {})).rejects.toMatchObject({ code: "host_io_failed" });
    expect(await call("ping")).toEqual({ result: "first" });
  });

  it("leaves no name, and the name was for its owner alone", async () => {
    await serve({});
    expect(statSync(join(directory, "control.sock")).isSocket()).toBe(true);
    await listening?.close();
    listening = undefined;
    expect(existsSync(join(directory, "control.sock"))).toBe(false);
  });

  it("is reached however deep its directory lies", async () => {
    const deep = join(directory, ...Array.from({ length: 12 }, () => "a-directory-name"));
    mkdirSync(deep, { recursive: true });
    listening = await serveCalls(deep, { ping: async () => "deep" });
    expect(await callKeeper(deep, "ping", {}, options())).toEqual({ result: "deep" });
  });

  it("is undefined where something else has the name of its socket", async () => {
    writeFileSync(join(directory, "control.sock"), "");
    expect(await call("ping")).toBeUndefined();
  });
});

/** A socket file whose listener was killed. */
function abandonedSocket(): void {
  const path = join(directory, "control.sock");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(statSync(path).isSocket()).toBe(true);
}

it("a socket that is closed takes no other along, whatever descriptors there are by then", async () => {
  await serve({ ping: async () => "pong" });
  const other = mkdtempSync(join(tmpdir(), "pyro-keeper-"));
  const second = await serveCalls(other, { ping: async () => "second" });
  const opened = Array.from({ length: 20 }, () => openSync(other, "r"));
  await listening?.close();
  listening = undefined;
  expect(await callKeeper(other, "ping", {}, options())).toEqual({ result: "second" });
  for (const fd of opened) closeSync(fd);
  await second.close();
  expect(readdirSync(other)).toEqual([]);
  rmSync(other, { recursive: true });
});

it("a keeper that does not even say that it has heard is given up", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const server = createServer((stream) => stream.on("error", () => {}).resume());
  await new Promise<void>((resolve) => void server.listen(join(directory, "control.sock"), resolve));
  const refused = expect(call("ping")).rejects.toMatchObject({ code: "keeper_stalled" });
  await vi.waitUntil(() => vi.getTimerCount() > 0, { timeout: 5000 });
  vi.advanceTimersByTime(20_000);
  await refused;
  vi.useRealTimers();
  await new Promise((resolve) => server.close(resolve));
});
