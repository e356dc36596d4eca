/** What is read of a stream, however it ends. */
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { received } from "./received.ts";

async function all(stream: PassThrough): Promise<string> {
  let text = "";
  for await (const chunk of received(stream)) text += chunk.toString();
  return text;
}

describe("what is received", () => {
  it("is all that came, also where the stream was over, and said to be broken off, before it was read", async () => {
    const stream = new PassThrough({ autoDestroy: false });
    stream.write("one ");
    stream.end("two");
    stream.emit("aborted");
    expect(await all(stream)).toBe("one two");
    expect(await all(stream)).toBe("");
  });

  it("comes while it is waited for, no faster than it is taken", async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const reading = received(stream);
    const first = reading.next();
    stream.write("abcd");
    expect((await first).value?.toString()).toBe("abcd");
    expect(stream.write("efgh")).toBe(false);
    const drained = new Promise((resolve) => stream.once("drain", resolve));
    expect((await reading.next()).value?.toString()).toBe("efgh");
    const last = reading.next();
    await drained;
    stream.end();
    expect(await last).toMatchObject({ done: true });
  });

  it.each([
    ["with an error", new Error("cut"), "cut"],
    ["without a word", undefined, "closed before its end"],
  ])("that breaks off %s is an error, before and while it is read", async (_, error, message) => {
    const stream = new PassThrough();
    const reading = all(stream);
    stream.write("a");
    setImmediate(() => stream.destroy(error));
    await expect(reading).rejects.toThrow(message);
    await expect(all(stream)).rejects.toThrow(message);
  });

  it("is given up with its reader", async () => {
    const stream = new PassThrough();
    stream.write("a");
    for await (const _ of received(stream)) break;
    expect(stream.destroyed).toBe(true);
    expect(stream.listenerCount("readable") + stream.listenerCount("close")).toBeLessThanOrEqual(1);
  });
});
