/** Calls against an agent that answers badly, late, or not at all: each ends with a typed error and takes nothing else along. */
import { once } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, rawAgent } from "../../tests/support/hostile-agent.ts";

const soon = { deadline_ms: 5000 };
const greeting = { protocol: 1, build: "b", nonce: "n" } as const;
const hello = { ...greeting, version: "0.1.0", mode: "guest", kernel_release: "6.1", pid: 1, uptime_ms: 5 } as const;

function reply(stream: ServerHttp2Stream, body: string | Buffer, status = 200): void {
  stream.respond({ ":status": status });
  stream.end(body);
}

const answersWith = (body: string | Buffer, status?: number) => agentThat((stream) => reply(stream, body, status));

afterEach(closeAgents);

describe("a call", () => {
  it("sends its request and gives the parsed answer", async () => {
    const { client } = await agentThat(async (stream, method) => {
      const chunks = await stream.toArray();
      expect([method, JSON.parse(Buffer.concat(chunks).toString())]).toEqual(["hello", greeting]);
      reply(stream, JSON.stringify(hello));
    });
    expect(await client.call("hello", greeting, soon)).toEqual(hello);
  });

  it.each([
    ["not JSON", "hello"],
    ["empty", ""],
    ["not UTF-8", Buffer.from([0xff, 0xfe])],
    ["null", "null"],
    ["a list", "[]"],
    ["deeply nested", "[".repeat(100_000)],
    ["without a field", JSON.stringify({ ...hello, pid: undefined })],
    ["with a field too many", JSON.stringify({ ...hello, extra: 1 })],
    ["with a prototype", `{"__proto__":{"mode":"guest"},${JSON.stringify(hello).slice(1)}`],
    ["of the wrong type", JSON.stringify({ ...hello, pid: "1" })],
    ["a fraction", JSON.stringify({ ...hello, uptime_ms: 1.5 })],
    ["a number beyond all", JSON.stringify(hello).replace(":5}", ":1e400}")],
    ["too long a string", JSON.stringify({ ...hello, kernel_release: "x".repeat(129) })],
    ["over the cap", JSON.stringify({ ...hello, kernel_release: "x".repeat(1_048_577) })],
  ])("refuses an answer that is %s", async (_what, body) => {
    const { client } = await answersWith(body);
    await expect(client.call("hello", greeting, soon)).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it.each([
    ["without a verdict", { detail: "" }],
    ["with too much text", { ok: true, detail: "d".repeat(513) }],
  ])("refuses a look %s", async (_what, body) => {
    const { client } = await answersWith(JSON.stringify(body));
    await expect(client.call("probe", { kind: "tcp", port: 1 }, soon)).rejects.toMatchObject({
      code: "protocol_violation",
    });
  });

  it("refuses an endless answer at the cap", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 200 });
      const more = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(65_536, " ")));
      };
      stream.on("drain", more);
      more();
    });
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it.each([
    ["command_not_found", "command_not_found"],
    ["protocol_mismatch", "agent_mismatch"],
    ["something_new", "guest_lost"],
  ])("turns the refusal %s into %s", async (agent_code, code) => {
    const { client } = await answersWith(JSON.stringify({ code: agent_code, message: "why", errno: 2 }), 409);
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({
      code,
      message: "why",
      details: { agent_code, errno: 2 },
    });
  });

  it("cleans and cuts the text of a refusal", async () => {
    const message = `\u001b[2J\u202e${"x".repeat(8000)}`;
    const { client } = await answersWith(JSON.stringify({ code: "no", message, errno: null }), 500);
    const error = await client.call("ping", {}, soon).catch((thrown: Error) => thrown);
    expect(String(error)).not.toMatch(/[\u001b\u202e]/);
    expect(String(error).length).toBeLessThan(2200);
  });

  it.each([
    [404, ""],
    [500, "not JSON"],
    [599, '{"code":"Not Snake Case","message":"","errno":null}'],
    [400, `{"code":"no","message":"${"x".repeat(8193)}","errno":null}`],
    [204, ""],
  ])("calls a refusal with status %i in another form a violation", async (status, body) => {
    const { client } = await answersWith(body, status);
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it.each([
    ["answers nothing", () => {}],
    ["answers only its status", (stream: ServerHttp2Stream) => stream.respond({ ":status": 200 })],
    [
      "dribbles",
      (stream: ServerHttp2Stream) => {
        stream.respond({ ":status": 200 });
        const timer = setInterval(() => stream.write(" "), 5);
        stream.on("close", () => clearInterval(timer));
      },
    ],
  ])("ends at its deadline when the agent %s", async (_what, answer) => {
    const { client } = await agentThat(answer);
    const started = performance.now();
    await expect(client.call("ping", {}, { deadline_ms: 100 })).rejects.toMatchObject({ code: "agent_stalled" });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it("ends at its deadline when the agent permits no streams", async () => {
    const { client, session } = await agentThat(() => {}, { maxConcurrentStreams: 0 });
    await once(session, "remoteSettings");
    await expect(client.call("ping", {}, { deadline_ms: 100 })).rejects.toMatchObject({ code: "agent_stalled" });
  });
});

describe("a connection", () => {
  it.each([
    constants.NGHTTP2_NO_ERROR,
    constants.NGHTTP2_INTERNAL_ERROR,
    constants.NGHTTP2_REFUSED_STREAM,
    constants.NGHTTP2_CANCEL,
  ])("survives a stream that the agent resets with code %i", async (code) => {
    const { client } = await agentThat((stream, method) =>
      method === "ping" ? stream.close(code) : reply(stream, JSON.stringify(hello)),
    );
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({ code: "guest_lost" });
    expect(await client.call("hello", greeting, soon)).toEqual(hello);
  });

  it.each([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM])(
    "fails with typed errors, at once and later, after GOAWAY %i",
    async (code) => {
      const { client } = await agentThat((stream) => {
        stream.session?.goaway(code);
        stream.session?.destroy();
      });
      const failures = [await failureOf(client.call("ping", {}, soon)), await failureOf(client.call("ping", {}, soon))];
      for (const failure of failures) expect(failure).toMatchObject({ name: "PyroError", kind: "guest" });
    },
  );

  it("opens no stream on a connection that is going away, and says so with a typed error", async () => {
    const { client, session } = await agentThat((stream, method) => {
      if (method === "ping") stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
    });
    const first = client.call("ping", {}, { deadline_ms: 200 });
    await once(session, "stream");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await failureOf(client.call("ping", {}, { deadline_ms: 200 }))).toMatchObject({
      name: "PyroError",
      kind: "guest",
    });
    expect(await failureOf(first)).toMatchObject({ name: "PyroError", kind: "guest" });
  });

  it("fails every call in flight with guest_lost when it ends", async () => {
    const { client, socket } = await agentThat(() => {});
    const calls = Array.from({ length: 8 }, () => failureOf(client.call("ping", {}, soon)));
    setTimeout(() => socket.destroy(), 20);
    for (const failure of await Promise.all(calls)) expect(failure).toMatchObject({ code: "guest_lost" });
  });

  it("fails with guest_lost after close", async () => {
    const { client } = await answersWith("{}");
    await client.call("ping", {}, soon);
    client.close();
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({ code: "guest_lost" });
  });

  it.each([
    ["text", Buffer.from("HTTP/1.1 200 OK\r\n\r\n")],
    ["zeros", Buffer.alloc(4096)],
  ])("that speaks %s in place of HTTP/2 is a violation", async (_what, bytes) => {
    const { client, socket } = await rawAgent();
    const call = failureOf(client.call("ping", {}, soon));
    socket.write(bytes);
    expect(await call).toMatchObject({ code: "protocol_violation" });
  });

  it("that announces a frame of 16 MiB gets no further", async () => {
    const { client, socket } = await rawAgent();
    const call = failureOf(client.call("ping", {}, { deadline_ms: 200 }));
    socket.write(Buffer.from("ffffff040000000000", "hex"));
    expect(await call).toMatchObject({ name: "PyroError", kind: "guest" });
  });

  it("that breaks under a call is lost, not a violation", async () => {
    const { client, socket } = await agentThat(() => void socket.resetAndDestroy());
    await expect(client.call("ping", {}, soon)).rejects.toMatchObject({ code: "guest_lost" });
  });

  it("that pushes is a violation", async () => {
    const { client, socket } = await rawAgent();
    const call = failureOf(client.call("ping", {}, soon));
    const settings = Buffer.from("000000040000000000", "hex");
    const block = Buffer.concat([Buffer.from([0, 0, 0, 2, 0x82, 0x86, 0x84, 0x41, 5]), Buffer.from("agent")]);
    socket.write(settings);
    socket.write(Buffer.from("000000040100000000", "hex"));
    await once(socket, "data");
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.write(Buffer.concat([Buffer.from([0, 0, block.length, 5, 4, 0, 0, 0, 1]), block]));
    expect(await call).toMatchObject({ code: "protocol_violation" });
  });

  it("carries 64 calls at once, each with its own answer", async () => {
    const { client } = await agentThat(async (stream) => {
      const { nonce } = JSON.parse(Buffer.concat(await stream.toArray()).toString());
      setTimeout(() => reply(stream, JSON.stringify({ ...hello, nonce })), Number(nonce) % 7);
    });
    const nonces = Array.from({ length: 64 }, (_, at) => String(at));
    const answers = await Promise.all(nonces.map((nonce) => client.call("hello", { ...greeting, nonce }, soon)));
    expect(answers.map(({ nonce }) => nonce)).toEqual(nonces);
  });
});

describe("a cancelled call", () => {
  it("ends at once and resets its stream", async () => {
    const controller = new AbortController();
    const reset = new Promise<boolean>((resolve) => {
      void agentThat((stream) => {
        stream.on("close", () => resolve(stream.aborted));
        controller.abort();
      }).then(({ client }) =>
        expect(client.call("ping", {}, { ...soon, signal: controller.signal })).rejects.toMatchObject({
          code: "cancelled",
        }),
      );
    });
    expect(await reset).toBe(true);
  });

  it("is not begun when it was cancelled before", async () => {
    const { client } = await answersWith("{}");
    await expect(client.call("ping", {}, { ...soon, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "cancelled",
    });
  });
});

/** What a promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await promise };
  } catch (thrown) {
    return thrown;
  }
}
