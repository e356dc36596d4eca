/** Commands against an agent that breaks the rules of a streaming answer. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, ended, event, record } from "../../tests/support/hostile-agent.ts";
import type { AgentClient, ExecIo } from "./client.ts";
import { MAX_RECORD_BYTES } from "./messages.ts";
import { RecordDecoder, recordHeader } from "./records.ts";

const params = { argv: ["true"], env: {}, cwd: "/", timeout_ms: null, stdin: false, ends_tree: false, pty: null };

const space = { place: "cwd", bytes: 0, inodes: null };

function io(more: Partial<ExecIo> = {}): ExecIo {
  return {
    stdin: undefined,
    onOutput: () => {},
    signal: new AbortController().signal,
    deadline_ms: undefined,
    ...more,
  };
}

/** An agent that answers every command with these bytes. */
async function answering(...body: readonly Buffer[]): Promise<AgentClient> {
  const { client } = await agentThat((stream) => respond(stream, ...body));
  return client;
}

function respond(stream: ServerHttp2Stream, ...body: readonly Buffer[]): void {
  stream.respond({ ":status": 200 });
  stream.end(Buffer.concat(body));
}

afterEach(closeAgents);

describe("exec", () => {
  it("gives output in order, byte for byte, and the end", async () => {
    const output: [string, string][] = [];
    const client = await answering(
      event({ event: "started", pid: 7 }),
      record(1, "out"),
      record(2, "err"),
      record(1, ""),
      record(1, Buffer.from([0, 0xff])),
      event({ ...ended, exit_code: 3 }),
    );
    const end = await client.exec(
      params,
      io({ onOutput: (kind, data) => void output.push([kind, data.toString("latin1")]) }),
    );
    expect(end).toEqual({ ...ended, exit_code: 3 });
    expect(output.filter(([, data]) => data !== "")).toEqual([
      ["stdout", "out"],
      ["stderr", "err"],
      ["stdout", "\0\u00ff"],
    ]);
  });

  it("says that the program runs before its output comes", async () => {
    const seen: string[] = [];
    const client = await answering(event({ event: "started", pid: 7 }), record(1, "out"), event(ended));
    await client.exec(params, io({ onStart: () => seen.push("start"), onOutput: (kind) => void seen.push(kind) }));
    expect(seen).toEqual(["start", "stdout"]);
  });

  it("sends its parameters and stdin as records, and ends the request", async () => {
    const stdin = Buffer.alloc(200_000, "x");
    const { client } = await agentThat(async (stream) => {
      const decoder = new RecordDecoder();
      const records = [...decoder.push(Buffer.concat(await stream.toArray()))];
      expect(JSON.parse(records[0]?.payload.toString() ?? "")).toEqual({ ...params, stdin: true });
      expect(records.slice(1).every(({ kind }) => kind === 1)).toBe(true);
      respond(stream, record(1, Buffer.concat(records.slice(1).map(({ payload }) => payload))), event(ended));
    });
    const received: Buffer[] = [];
    await client.exec(
      { ...params, stdin: true },
      io({ stdin: Readable.from([stdin]), onOutput: (_, data) => void received.push(data) }),
    );
    expect(Buffer.concat(received).equals(stdin)).toBe(true);
  });

  it.each([
    ["a record of unknown kind", [record(3, "x")]],
    ["a record of kind 255", [record(255, "")]],
    ["a record after the end", [event(ended), record(1, "more")]],
    ["a second end", [event(ended), event(ended)]],
    ["an end inside a header", [record(1, "x"), Buffer.from([1, 0])]],
    ["an end inside a payload", [recordHeader(1, 10), Buffer.from("x")]],
    ["a record over the cap", [recordHeader(1, MAX_RECORD_BYTES + 1)]],
    ["an event that is not JSON", [record(0, "ended")]],
    ["an empty event", [record(0, "")]],
    ["an unknown event", [event({ event: "paused" })]],
    ["an event with a field too many", [event({ ...ended, extra: 1 })]],
    ["an exit code above 255", [event({ ...ended, exit_code: 256 })]],
    ["an exit code below 0", [event({ ...ended, exit_code: -1 })]],
    ["an exit code that is a fraction", [event({ ...ended, exit_code: 0.5 })]],
    ["signal 0", [event({ ...ended, exit_code: null, signal: 0 })]],
    ["signal 65", [event({ ...ended, exit_code: null, signal: 65 })]],
    ["a third file system", [event({ ...ended, free_space: [space, space, space] })]],
    ["an unknown file system", [event({ ...ended, free_space: [{ ...space, place: "home" }] })]],
    ["less than no space", [event({ ...ended, free_space: [{ ...space, bytes: -1 }] })]],
    ["no word on memory", [event({ ...ended, oom_killed: undefined })]],
    ["a negative duration", [event({ ...ended, duration_ms: -1 })]],
  ])("calls %s a violation", async (_what, body) => {
    const client = await answering(event({ event: "started", pid: 7 }), ...body);
    await expect(client.exec(params, io())).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it.each([
    ["says nothing", []],
    ["stops after the start", [event({ event: "started", pid: 7 })]],
    ["stops after some output", [record(1, "out")]],
  ])("is lost when the agent %s", async (_what, body) => {
    const client = await answering(...body);
    await expect(client.exec(params, io())).rejects.toMatchObject({ code: "guest_lost" });
  });

  it("is refused with the agent's reason", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 404 });
      stream.end(JSON.stringify({ code: "command_not_found", message: '"nope" is not there', errno: 2 }));
    });
    await expect(client.exec(params, io())).rejects.toMatchObject({
      code: "command_not_found",
      message: '"nope" is not there',
    });
  });

  it.each([constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL])(
    "is lost when the agent resets it with %i",
    async (code) => {
      const { client } = await agentThat((stream) => {
        stream.respond({ ":status": 200 });
        stream.write(record(1, "out"), () => stream.close(code));
      });
      await expect(client.exec(params, io())).rejects.toMatchObject({ code: "guest_lost" });
    },
  );

  it("is lost when it is reset while its parameters are still going out", async () => {
    const { client } = await agentThat((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), {
      initialWindowSize: 1000,
    });
    const long = { ...params, argv: Array.from({ length: 8 }, () => "x".repeat(100_000)) };
    await expect(client.exec(long, io())).rejects.toMatchObject({ code: "guest_lost" });
  });

  it.each(["close", "socket"])(
    "is lost when the connection ends (%s) while its parameters are still going out",
    async (how) => {
      const { client, socket } = await agentThat(() => {}, { initialWindowSize: 1000 });
      const long = { ...params, argv: ["x".repeat(100_000)] };
      const run = client.exec(long, io());
      setTimeout(() => (how === "close" ? client.close() : socket.destroy()), 50);
      await expect(run).rejects.toMatchObject({ code: "guest_lost" });
    },
  );

  it("hears a refusal that comes before its parameters are all sent", async () => {
    const refusal = JSON.stringify({ code: "argument_too_long", message: "too long", errno: 7 });
    const { client } = await agentThat(
      (stream) => {
        stream.respond({ ":status": 413 });
        stream.end(refusal);
      },
      { initialWindowSize: 1000 },
    );
    const long = { ...params, argv: ["x".repeat(100_000)] };
    await expect(client.exec(long, io())).rejects.toMatchObject({ code: "argument_too_long" });
  });

  it("says so when its standard input cannot be read", async () => {
    const { client } = await agentThat((stream) => stream.respond({ ":status": 200 }));
    const broken = new Readable({ read: () => void broken.destroy(new Error("the pipe broke")) });
    await expect(client.exec({ ...params, stdin: true }, io({ stdin: broken }))).rejects.toMatchObject({
      message: expect.stringContaining("the pipe broke"),
    });
  });

  it("refuses parameters that are longer than a record", async () => {
    const client = await answering(event(ended));
    const long = { ...params, argv: Array.from({ length: 11 }, () => "x".repeat(100_000)) };
    await expect(client.exec(long, io())).rejects.toMatchObject({ code: "argument_too_long" });
  });

  it("runs 64 times at once, each with its own output", { timeout: 20_000 }, async () => {
    const { client } = await agentThat(async (stream) => {
      const [first] = [...new RecordDecoder().push(Buffer.concat(await stream.toArray()))];
      const [, name = ""] = JSON.parse(first?.payload.toString() ?? "").argv;
      respond(stream, ...Array.from({ length: 20 }, () => record(1, name.repeat(10_000))), event(ended));
    });
    const bytes = await Promise.all(
      Array.from({ length: 64 }, async (_, at) => {
        const name = String.fromCharCode(0x40 + at);
        const texts: string[] = [];
        await client.exec(
          { ...params, argv: ["echo", name] },
          io({ onOutput: (_kind, data) => void texts.push(data.toString()) }),
        );
        return texts.join("") === name.repeat(200_000);
      }),
    );
    expect(bytes.every(Boolean)).toBe(true);
  });
});

describe("a cancelled command", () => {
  it("resets its stream with CANCEL, which is how the agent knows", async () => {
    const controller = new AbortController();
    const codes: (number | undefined)[] = [];
    const { client } = await agentThat((stream) => {
      stream.on("close", () => codes.push(stream.rstCode));
      stream.respond({ ":status": 200 });
      stream.write(event({ event: "started", pid: 7 }));
      stream.write(record(1, "begun"));
    });
    const run = client.exec(params, io({ signal: controller.signal, onOutput: () => controller.abort() }));
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    await expect.poll(() => codes).toEqual([constants.NGHTTP2_CANCEL]);
  });

  it("is not begun when it was cancelled before", async () => {
    const client = await answering(event(ended));
    await expect(client.exec(params, io({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: "cancelled" });
  });

  it("leaves other commands alone", async () => {
    const controller = new AbortController();
    const { client } = await agentThat(async (stream) => {
      const parts = await stream.toArray().catch(() => []);
      const [first] = [...new RecordDecoder().push(Buffer.concat(parts))];
      if (first?.payload.includes('"/quick"')) setTimeout(() => respond(stream, event(ended)), 50);
    });
    const slow = client.exec(params, io({ signal: controller.signal }));
    const quick = client.exec({ ...params, cwd: "/quick" }, io());
    controller.abort();
    await expect(slow).rejects.toMatchObject({ code: "cancelled" });
    expect(await quick).toEqual(ended);
  });
});
