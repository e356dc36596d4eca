/** Reading from an agent whose lengths do not add up. */
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, event, record } from "../../tests/support/hostile-agent.ts";
import { stat } from "../../tests/support/tree-replies.ts";
import type { AgentClient } from "./client.ts";
import { type ReadRequest, readTree } from "./tree-read.ts";

const request = { root: "/workspace", paths: ["a"], max_bytes: null, offset: 0, follow: false };
const entry = (index: number, change = {}) => event({ event: "entry", index, stat: stat(change) });
const ended = (index: number, bytes: number, changed = false) => event({ event: "ended", index, bytes, changed });
const failed = (index: number, bytes: number) =>
  event({ event: "failed", index, bytes, code: "path_not_found", errno: 2 });

async function answering(...body: Buffer[]): Promise<AgentClient> {
  const { client } = await agentThat((stream) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.concat(body));
  });
  return client;
}

async function read(client: AgentClient, more: Partial<ReadRequest> = {}) {
  const seen: unknown[] = [];
  const sink = {
    entry: (index: number, { kind }: { kind: string }) => void seen.push([index, kind]),
    data: (index: number, data: Buffer) => void seen.push([index, data.toString()]),
    ended: (index: number, end: unknown) => void seen.push([index, end]),
    failed: (index: number, failure: { code: string }) => void seen.push([index, failure.code]),
  };
  const call = { signal: new AbortController().signal, deadline_ms: 5000 };
  await readTree(client, { ...request, ...more }, sink, call);
  return seen;
}

afterEach(closeAgents);

describe("read", () => {
  it("hands over every path in turn", async () => {
    const client = await answering(
      ...[entry(0), record(1, "hel"), record(1, "lo"), ended(0, 5)],
      ...[failed(1, 0), entry(2, { kind: "other", size_bytes: 0 }), ended(2, 0)],
      ...[entry(3), record(1, "h"), failed(3, 1), entry(4), record(1, "h"), ended(4, 1, true)],
    );
    expect(await read(client, { paths: ["a", "b", "c", "d", ""] })).toEqual([
      ...[
        [0, "file"],
        [0, "hel"],
        [0, "lo"],
        [0, { bytes: 5, changed: false }],
      ],
      ...[
        [1, "path_not_found"],
        [2, "other"],
        [2, { bytes: 0, changed: false }],
      ],
      ...[
        [3, "file"],
        [3, "h"],
        [3, "path_not_found"],
      ],
      ...[
        [4, "file"],
        [4, "h"],
        [4, { bytes: 1, changed: true }],
      ],
    ]);
  });

  it("takes the part that was asked for", async () => {
    const part = await answering(entry(0), record(1, "lo"), ended(0, 2));
    expect(await read(part, { offset: 3, max_bytes: 100 })).toHaveLength(3);
    const beyond = await answering(entry(0), ended(0, 0));
    expect(await read(beyond, { offset: 99 })).toHaveLength(2);
  });

  it("asks for many paths in several requests", async () => {
    const { client } = await agentThat(async (stream) => {
      const { paths } = JSON.parse(Buffer.concat(await stream.toArray()).toString());
      expect(paths.length).toBeLessThanOrEqual(4096);
      stream.respond({ ":status": 200 });
      stream.end(Buffer.concat(paths.map((_: string, index: number) => failed(index, 0))));
    });
    const seen = await read(client, { paths: Array.from({ length: 10_000 }, (_, at) => `${at}`) });
    expect(seen.map((one) => (one as [number])[0])).toEqual(Array.from({ length: 10_000 }, (_, at) => at));
    expect(await read(client, { paths: [] })).toEqual([]);
  });

  it.each([
    ["less content than the size", [entry(0), record(1, "hell"), ended(0, 4)]],
    ["more content than the size", [entry(0), record(1, "hello!"), ended(0, 6)]],
    ["another count than was sent", [entry(0), record(1, "hello"), ended(0, 4)]],
    ["more content in a file that changed", [entry(0), record(1, "hello!"), ended(0, 6, true)]],
    ["a failure with a wrong count", [failed(0, 1)]],
    ["content before its entry", [record(1, "hello"), entry(0), ended(0, 5)]],
    ["content of a directory", [entry(0, { kind: "directory", size_bytes: 0 }), record(1, "x"), ended(0, 1)]],
    ["an empty data record", [entry(0), record(1, ""), record(1, "hello"), ended(0, 5)]],
    ["an entry twice", [entry(0), entry(0)]],
    ["an end without entry", [ended(0, 0)]],
    ["another entry than is due", [entry(1), record(1, "hello"), ended(1, 5)]],
    ["an entry too many", [entry(0), record(1, "hello"), ended(0, 5), entry(1)]],
    ["data after the last", [failed(0, 0), record(1, "x")]],
    ["nothing", []],
    ["half an entry", [entry(0), record(1, "hello")]],
    ["a record of unknown kind", [record(2, "x")]],
  ])("calls %s a violation", async (_what, body) => {
    await expect(read(await answering(...body))).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it.each([
    ["more than max_bytes", { max_bytes: 4 }, [entry(0), record(1, "hello"), ended(0, 5)]],
    ["more than is left after the offset", { offset: 1 }, [entry(0), record(1, "hello"), ended(0, 5)]],
    [
      "a symlink it was to follow",
      { follow: true },
      [entry(0, { kind: "symlink", size_bytes: 0, link_target: "x" }), ended(0, 0)],
    ],
  ])("calls %s a violation", async (_what, more, body) => {
    await expect(read(await answering(...body), more)).rejects.toMatchObject({ code: "protocol_violation" });
  });
});
