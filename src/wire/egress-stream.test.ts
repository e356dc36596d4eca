/** Egress against an agent that breaks its rules, and against one that keeps to them. */
import { constants } from "node:http2";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { closeAgents, event, record } from "../../tests/support/hostile-agent.ts";
import { grant, lookup, open, ready, scripted } from "../../tests/support/scripted-egress.ts";
import { type EgressHandlers, MAX_QUESTIONS, MAX_TUNNELS } from "./egress-stream.ts";
import { recordHeader } from "./records.ts";

const never: EgressHandlers = { lookup: () => new Promise(() => {}), open: () => new Promise(() => {}) };
const refusing: EgressHandlers = { lookup: async () => false, open: async () => undefined };

/** One end of a connection without a socket. */
class End extends Duplex {
  other: End | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

function pair(): { readonly near: End; readonly far: End } {
  const [near, far] = [new End(), new End()];
  near.other = far;
  far.other = near;
  return { near, far };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await delay(2);
  }
}

const many = (count: number) => Array.from({ length: count }, (_, at) => lookup(at + 1));

afterEach(closeAgents);

describe("an agent that breaks the rules of egress", () => {
  it.each([
    ["a question before it is ready", [lookup(1)]],
    ["that it is ready twice", [ready, ready]],
    ["the same question twice", [ready, lookup(1), lookup(1)]],
    ["a number below the last one", [ready, open(2), lookup(1)]],
    ["number 0", [ready, lookup(0)]],
    ["a number of more than 32 bits", [ready, lookup(4_294_967_296)]],
    ["a name of 254 bytes", [ready, lookup(1, "a".repeat(254))]],
    ["a long name in base64", [ready, lookup(1, { base64: Buffer.alloc(255, 0xff).toString("base64") })]],
    ["an empty name", [ready, lookup(1, "")]],
    ["a name that is a number", [ready, lookup(1, 7)]],
    ["port 0", [ready, open(1, { port: 0 })]],
    ["port 65536", [ready, open(1, { port: 65_536 })]],
    ["pid 0", [ready, open(1, { pid: 0 })]],
    ["no pid", [ready, open(1, { pid: undefined })]],
    ["an unknown event", [ready, event({ event: "close", id: 1 })]],
    ["a field too many", [ready, open(1, { more: 1 })]],
    ["content", [ready, record(1, "x")]],
    ["what is no JSON", [ready, record(0, "lookup")]],
    ["an event without end", [ready, recordHeader(0, 1_048_577)]],
    ["an event that is too large", [ready, record(0, `{"event":"lookup","id":1,"name":"a"}${" ".repeat(5000)}`)]],
    ["more questions than may wait", [ready, ...many(MAX_QUESTIONS + 1)]],
  ])("by %s loses its session", async (_what, bytes) => {
    const { client } = await scripted(bytes);
    expect(await grant(client, never).over).toMatchObject({ code: "protocol_violation" });
    await expect(client.call("ping", {}, { deadline_ms: 1000 })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("in a tunnel loses its session too", async () => {
    const { client } = await scripted([ready, open(1)], (stream) => {
      stream.respond({ ":status": 200 });
      stream.write(record(2, "x"));
    });
    const { over } = grant(client, { ...refusing, open: async () => pair().near });
    expect(await over).toMatchObject({ code: "protocol_violation" });
  });

  it("by ending its stream has ended egress", async () => {
    const { client, stream } = await scripted([ready]);
    const { over } = grant(client, refusing);
    await until(() => stream() !== undefined);
    stream()?.end();
    expect(await over).toMatchObject({ code: "guest_lost" });
  });
});

describe("egress", () => {
  it("answers what is asked, with the name as it came", async () => {
    const { client, answers } = await scripted([
      ready,
      lookup(1, "Good.example"),
      lookup(2, { base64: "/2EuYg==" }),
      lookup(3, "evil.com\u0000.good.example"),
      open(4, { host: "10.0.0.1", port: 22, pid: 7 }),
    ]);
    const asked: unknown[] = [];
    grant(client, {
      lookup: async (name) => asked.push(name) === 1,
      open: async (what) => void asked.push(what),
    });
    await until(() => answers.length === 4);
    expect(asked).toEqual([
      "Good.example",
      "\u00ffa.b",
      "evil.com\u0000.good.example",
      { host: "10.0.0.1", port: 22, pid: 7 },
    ]);
    expect(answers).toEqual([
      { answer: "lookup", id: 1, verdict: "allowed" },
      { answer: "lookup", id: 2, verdict: "refused" },
      { answer: "lookup", id: 3, verdict: "refused" },
      { answer: "open", id: 4, verdict: "refused" },
    ]);
  });

  it("refuses where a handler fails, or says nothing in time, and ends what comes late", async () => {
    const { client, answers } = await scripted([ready, lookup(1), open(2), open(3)]);
    const { near } = pair();
    const late = async (signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await delay(1);
      return near;
    };
    let opened = 0;
    const handlers: EgressHandlers = {
      lookup: () => new Promise(() => {}),
      open: (_, signal) => (opened++ === 0 ? late(signal) : Promise.reject(new Error("no"))),
    };
    grant(client, handlers, { answer_ms: 30 });
    await until(() => answers.length === 3 && near.destroyed);
    expect(answers.map((answer) => (answer as { verdict: string }).verdict)).toEqual(["refused", "refused", "refused"]);
  });

  it("carries an allowed connection both ways, each to its end", async () => {
    const { client, tunnels } = await scripted([ready, open(5)], (stream) => {
      stream.respond({ ":status": 200 });
      stream.write(Buffer.concat([event({ event: "connected" }), record(1, "question")]));
    });
    const { near, far } = pair();
    grant(client, { ...refusing, open: async () => near });
    await until(() => tunnels.length === 1);
    expect(tunnels[0]?.params).toEqual({ id: 5 });
    const asked = far.iterator({ destroyOnReturn: false });
    expect(String((await asked.next()).value)).toBe("question");
    tunnels[0]?.stream.end();
    expect((await asked.next()).done).toBe(true);
    far.end("answer");
    const code = await new Promise<number | undefined>((resolve) =>
      tunnels[0]?.stream.once("close", () => resolve(tunnels[0]?.stream.rstCode)),
    );
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    expect(near.destroyed).toBe(true);
  });

  it("ends the other end with a tunnel that is reset or gone, and with itself", async () => {
    const ends = [pair().near, pair().near, pair().near];
    const { client, tunnels } = await scripted([ready, open(1), open(2), open(3)], (stream) => {
      if (tunnelCount++ === 0) {
        stream.respond({ ":status": 404 });
        stream.end(JSON.stringify({ code: "tunnel_gone", message: "no program waits", errno: null }));
      } else stream.respond({ ":status": 200 });
    });
    let tunnelCount = 0;
    let next = 0;
    const { controller, over } = grant(client, { ...refusing, open: async () => ends[next++] });
    await until(() => tunnels.length === 3);
    await until(() => ends[0]?.destroyed === true);
    tunnels[1]?.stream.close(constants.NGHTTP2_CANCEL);
    await until(() => ends[1]?.destroyed === true);
    expect(ends[2]?.destroyed).toBe(false);
    controller.abort();
    expect(await over).toMatchObject({ code: "cancelled" });
    expect(ends[2]?.destroyed).toBe(true);
    expect(await client.call("ping", {}, { deadline_ms: 50 }).catch((thrown) => thrown.code)).toBe("agent_stalled");
  });

  it("closes a connection that carries nothing for long", async () => {
    const { client, tunnels } = await scripted([ready, open(1)]);
    const { near } = pair();
    grant(client, { ...refusing, open: async () => near }, { idle_ms: 50 });
    await until(() => near.destroyed);
    expect(tunnels).toHaveLength(1);
  });

  it("keeps one that carries little, but something", async () => {
    const { client, tunnels } = await scripted([ready, open(1)], (stream) => {
      stream.respond({ ":status": 200 });
      stream.write(event({ event: "connected" }));
    });
    const { near, far } = pair();
    grant(client, { ...refusing, open: async () => near }, { idle_ms: 400 });
    await until(() => tunnels.length === 1);
    for (let at = 0; at < 10; at += 1) {
      if (at % 2 === 0) far.write("x");
      else tunnels[0]?.stream.write(record(1, "y"));
      await delay(60);
    }
    expect(near.destroyed).toBe(false);
  });

  it("refuses connections beyond the most there may be", async () => {
    const asked = Array.from({ length: MAX_TUNNELS + 2 }, (_, at) => open(at + 1));
    const { client, answers, tunnels } = await scripted([ready, ...asked]);
    grant(client, { ...refusing, open: async () => pair().near });
    await until(() => answers.length === 2 && tunnels.length === MAX_TUNNELS);
    expect(answers).toEqual([
      { answer: "open", id: MAX_TUNNELS + 1, verdict: "refused" },
      { answer: "open", id: MAX_TUNNELS + 2, verdict: "refused" },
    ]);
  });
});
