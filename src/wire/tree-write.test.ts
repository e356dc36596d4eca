/** Uploads to an agent that refuses, stalls and lies. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents } from "../../tests/support/hostile-agent.ts";
import type { AgentClient } from "./client.ts";
import { RecordDecoder } from "./records.ts";
import { type Change, writeTree } from "./tree-write.ts";

const request = { root: "/workspace", dest: "sub", replace: true };

function file(path: string, ...parts: string[]): Change {
  const size_bytes = parts.join("").length;
  const content = async function* () {
    for (const part of parts) yield Buffer.from(part);
  };
  return { path, kind: "file", mode: 0o644, size_bytes, link_target: null, content };
}

function write(client: AgentClient, changes: Iterable<Change> | AsyncIterable<Change>, more = {}) {
  return writeTree(client, request, changes, { signal: new AbortController().signal, deadline_ms: 5000, ...more });
}

const answer = (stream: ServerHttp2Stream, status: number, body: unknown) => {
  stream.respond({ ":status": status });
  stream.end(JSON.stringify(body));
};

afterEach(closeAgents);

describe("write", () => {
  it("sends parameters, entries, contents and the commit", async () => {
    const { client } = await agentThat(async (stream) => {
      const records = [...new RecordDecoder().push(Buffer.concat(await stream.toArray()))];
      const shown = records.map(({ kind, payload }) =>
        kind === 0 ? JSON.parse(payload.toString()) : payload.toString(),
      );
      expect(shown).toEqual([
        request,
        { ...entry("a"), size_bytes: 5, expect: { state: "absent" } },
        "he",
        "llo",
        { ...entry({ base64: "/w==" }), kind: "symlink", link_target: { base64: "/g==" } },
        { ...entry("gone"), kind: "delete", mode: 0 },
        { item: "commit" },
      ]);
      answer(stream, 200, { entries: 3, bytes: 5 });
    });
    const nothing = async function* () {};
    const link: Change = {
      path: "\udcff",
      kind: "symlink",
      mode: 0o644,
      size_bytes: 0,
      link_target: "\udcfe",
      content: nothing,
    };
    const changes = [
      { ...file("a", "he", "llo"), expect: { state: "absent" } as const },
      link,
      { path: "gone", kind: "delete" } as const,
    ];
    expect(await write(client, changes)).toEqual({ entries: 3, bytes: 5 });
  });

  it("stops sending when it is refused", async () => {
    const { client } = await agentThat((stream) => {
      answer(stream, 409, { code: "guest_disk_full", message: "the disk is full", errno: 28 });
      stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    });
    let asked = 0;
    const endless = async function* (): AsyncGenerator<Change> {
      for (; asked < 100_000; asked += 1) yield file(`${asked}`, "x".repeat(10_000));
    };
    await expect(write(client, endless())).rejects.toMatchObject({ code: "guest_disk_full" });
    expect(asked).toBeLessThan(100_000);
  });

  it.each([
    ["another count of entries", { entries: 2, bytes: 5 }],
    ["another count of bytes", { entries: 1, bytes: 4 }],
    ["another shape", { entries: 1 }],
  ])("calls %s a violation", async (_what, body) => {
    const { client } = await agentThat(async (stream) => {
      await stream.toArray();
      answer(stream, 200, body);
    });
    await expect(write(client, [file("a", "hello")])).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("calls a success before the end a violation", async () => {
    const { client } = await agentThat((stream) => answer(stream, 200, { entries: 0, bytes: 0 }));
    const slow = async function* (): AsyncGenerator<Change> {
      await new Promise((resolve) => setTimeout(resolve, 100));
      yield file("a", "hello");
    };
    await expect(write(client, slow())).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("resets the stream when its source fails or lies about a size", async () => {
    const resets: Promise<number>[] = [];
    const { client } = await agentThat((stream) => {
      stream.resume();
      resets.push(new Promise((resolve) => stream.once("close", () => resolve(stream.rstCode))));
    });
    const failing = async function* (): AsyncGenerator<Change> {
      yield file("a", "hello");
      throw new Error("unreadable");
    };
    await expect(write(client, failing())).rejects.toMatchObject({ code: "internal_error", message: "unreadable" });
    for (const size_bytes of [4, 6])
      await expect(write(client, [{ ...file("a", "hello"), size_bytes } as Change])).rejects.toMatchObject({
        code: "internal_error",
      });
    await expect(write(client, [file("../a", "x")])).rejects.toMatchObject({ code: "invalid_input" });
    expect(await Promise.all(resets)).toEqual(resets.map(() => constants.NGHTTP2_CANCEL));
  });

  it("ends with agent_stalled when nothing is taken, or nothing answered", async () => {
    const { client } = await agentThat(() => {});
    await expect(write(client, [file("a", "x")], { deadline_ms: 50 })).rejects.toMatchObject({ code: "agent_stalled" });
    const large = file("a", ...Array.from({ length: 100 }, () => "x".repeat(65_536)));
    await expect(write(client, [large], { deadline_ms: 50 })).rejects.toMatchObject({ code: "agent_stalled" });
  });

  it("is cancelled", async () => {
    const { client } = await agentThat(() => {});
    await expect(write(client, [file("a", "x")], { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: "cancelled",
    });
  });
});

function entry(path: unknown) {
  return { item: "entry", path, kind: "file", mode: 0o644, size_bytes: 0, link_target: null, expect: null };
}
