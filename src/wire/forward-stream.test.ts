/** Connections to ports of the guest, against an agent that plays well and one that does not. */
import type { ServerHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, event, record } from "../../tests/support/hostile-agent.ts";
import { closePairs, socketPair } from "../../tests/support/socket-pair.ts";

afterEach(() => {
  closeAgents();
  closePairs();
});

const connected = event({ event: "connected" });
const { signal } = new AbortController();

async function forwarded(answer: (stream: ServerHttp2Stream) => void) {
  const { client } = await agentThat((stream) => {
    stream.resume();
    stream.respond({ ":status": 200 });
    answer(stream);
  });
  const [near, far] = await socketPair(true);
  return { client, far, done: client.forward(8000, near, signal) };
}

describe("a forwarded connection", () => {
  it("carries content whatever the chunks it comes in", async () => {
    const bytes = Buffer.concat([connected, record(1, "one"), record(1, ""), record(1, "two")]);
    for (const size of [1, 2, 7, bytes.length]) {
      const { far, done } = await forwarded((stream) => {
        for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size));
        stream.end();
      });
      far.end("asked");
      expect(await text(far)).toBe("onetwo");
      await done;
    }
  });

  it.each([
    ["content before the connection", record(1, "early")],
    ["another event", event({ event: "open", port: 22 })],
    ["an event without an end", Buffer.from([0, 0, 255, 255, 255])],
    ["another kind", Buffer.concat([connected, record(2, "x")])],
    ["an end inside a record", Buffer.concat([connected, record(1, "whole").subarray(0, 7)])],
  ])("is broken off by %s, and so is the machine", async (_, bytes) => {
    const { client, far, done } = await forwarded((stream) => stream.end(bytes));
    far.resume();
    await expect(done).rejects.toMatchObject({ code: "protocol_violation" });
    await expect(client.call("ping", {}, { deadline_ms: 1000 })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("ends with an agent that breaks it off, and with the client's cancelling", async () => {
    const { done } = await forwarded((stream) => {
      stream.write(connected);
      setImmediate(() => stream.destroy(new Error("broken")));
    });
    await expect(done).rejects.toMatchObject({ code: "guest_lost" });
    const { client } = await agentThat((stream) => void stream.respond({ ":status": 200 }));
    const [near] = await socketPair();
    const caller = new AbortController();
    const waiting = client.forward(8000, near, caller.signal);
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  });

  it("is refused by name", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 422 });
      stream.end(JSON.stringify({ code: "port_refused", message: "port 8000: refused", errno: null }));
    });
    const [near] = await socketPair();
    await expect(client.forward(8000, near, signal)).rejects.toMatchObject({ code: "port_refused" });
  });
});
