/** Listings by an agent that breaks their rules. */
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, event, record } from "../../tests/support/hostile-agent.ts";
import { nested, stat } from "../../tests/support/tree-replies.ts";
import type { AgentClient } from "./client.ts";
import { type WalkEntry, walkTree } from "./tree-walk.ts";

const request = { root: "/workspace", path: "", recursive: true, max_entries: 5 };
const ended = (count: number, more = {}) => event({ event: "ended", count, cut: false, unlisted: 0, ...more });
const entries = (...entries: unknown[]) => event({ event: "entries", entries });
const file = (path: unknown) => ({ path, stat: stat() });
const directory = (path: unknown) => ({ path, stat: stat({ kind: "directory", size_bytes: 0 }) });

async function answering(...body: Buffer[]): Promise<AgentClient> {
  const { client } = await agentThat((stream) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.concat(body));
  });
  return client;
}

async function walk(client: AgentClient, more: Partial<typeof request> = {}) {
  const listed: WalkEntry[] = [];
  const call = { signal: new AbortController().signal, deadline_ms: 5000 };
  const end = await walkTree(client, { ...request, ...more }, (batch) => void listed.push(...batch), call);
  return { listed, end };
}

afterEach(closeAgents);

describe("walk", () => {
  it("hands over entries in batches, and the end", async () => {
    const link = { path: "d/l", stat: stat({ kind: "symlink", size_bytes: 0, link_target: { base64: "/w==" } }) };
    const client = await answering(
      entries(directory("d"), file("d/a")),
      entries(link, file({ base64: "/w==" })),
      ended(4),
    );
    const { listed, end } = await walk(client);
    expect(listed.map(({ path, link_target }) => [path, link_target])).toEqual([
      ["d", null],
      ["d/a", null],
      ["d/l", "\udcff"],
      ["\udcff", null],
    ]);
    expect(end).toEqual({ count: 4, cut: false, unlisted: 0 });
  });

  it.each([
    ["a path that is absolute", [entries(file("/etc/passwd")), ended(1)]],
    ["a path with ..", [entries(directory("d"), file("d/../../x")), ended(2)]],
    ["an empty path", [entries(file("")), ended(1)]],
    ["a path with NUL", [entries(file("a\0b")), ended(1)]],
    ["a path that is too long", [entries(file("x".repeat(4096))), ended(1)]],
    ["a lone surrogate", [entries(file("\udcff")), ended(1)]],
    ["text in base64", [entries(file({ base64: "YQ==" })), ended(1)]],
    ["the same path twice", [entries(file("a"), file("a")), ended(2)]],
    ["a path out of order", [entries(file("b"), file("a")), ended(2)]],
    ["an entry below a file", [entries(file("a"), file("a/b")), ended(2)]],
    ["an entry of an unlisted directory", [entries(file("d/a")), ended(1)]],
    ["more entries than were asked for", [entries(..."abcdef".split("").map(file)), ended(6)]],
    ["a wrong count", [entries(file("a")), ended(2)]],
    ["a cut that was not needed", [entries(file("a")), ended(1, { cut: true })]],
    ["a symlink without target", [entries({ path: "a", stat: stat({ kind: "symlink", size_bytes: 0 }) }), ended(1)]],
    ["a file with a target", [entries({ path: "a", stat: stat({ link_target: "b" }) }), ended(1)]],
    ["a directory with a size", [entries({ path: "a", stat: stat({ kind: "directory" }) }), ended(1)]],
    ["an inode that is a number", [entries({ path: "a", stat: stat({ inode: 5 }) }), ended(1)]],
    ["an empty batch", [event({ event: "entries", entries: [] }), ended(0)]],
    ["no end", [entries(file("a"))]],
    ["two ends", [ended(0), ended(0)]],
    ["entries after the end", [ended(0), entries(file("a"))]],
    ["a data record", [record(1, "x"), ended(0)]],
    ["half a record", [Buffer.from([0, 0])]],
  ])("calls %s a violation, and ends the connection", async (_what, body) => {
    const client = await answering(...body);
    await expect(walk(client)).rejects.toMatchObject({ code: "protocol_violation" });
    await expect(walk(client)).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("takes only what lies in the directory that was asked for", async () => {
    const inside = await walk(await answering(entries(directory("d/e"), file("d/f")), ended(2)), {
      path: "d",
      recursive: false,
    });
    expect(inside.listed).toHaveLength(2);
    const outside = await answering(entries(file("e")), ended(1));
    await expect(walk(outside, { path: "d" })).rejects.toMatchObject({ code: "protocol_violation" });
    const deeper = await answering(entries(directory("d"), file("d/f")), ended(2));
    await expect(walk(deeper, { recursive: false })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("takes a tree as deep as it may be, and no deeper", async () => {
    const deep = (names: number) => nested(names).map(directory);
    const { listed } = await walk(await answering(entries(...deep(256)), ended(256)), { max_entries: 1000 });
    expect(listed).toHaveLength(256);
    const deeper = await answering(entries(...deep(257)), ended(257));
    await expect(walk(deeper, { max_entries: 1000 })).rejects.toMatchObject({ code: "protocol_violation" });
  });

  it("is refused with the agent's reason", async () => {
    const { client } = await agentThat((stream) => {
      stream.respond({ ":status": 409 });
      stream.end(JSON.stringify({ code: "path_not_found", message: 'there is no "x"', errno: 2 }));
    });
    await expect(walk(client, { path: "x" })).rejects.toMatchObject({ code: "path_not_found" });
    await expect(walk(client, { path: "../x" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("ends with what its reader throws, and the connection stays", async () => {
    const client = await answering(entries(file("a")), ended(1));
    const call = { signal: new AbortController().signal, deadline_ms: 5000 };
    const fail = () => Promise.reject(new Error("no room"));
    await expect(walkTree(client, request, fail, call)).rejects.toMatchObject({
      code: "internal_error",
      message: "no room",
    });
    expect((await walk(client)).end.count).toBe(1);
  });

  it("ends with agent_stalled, or when it is cancelled", async () => {
    const { client } = await agentThat((stream) => void stream.respond({ ":status": 200 }));
    const signal = new AbortController().signal;
    await expect(walkTree(client, request, () => {}, { signal, deadline_ms: 50 })).rejects.toMatchObject({
      code: "agent_stalled",
    });
    const soon = AbortSignal.timeout(50);
    await expect(walkTree(client, request, () => {}, { signal: soon, deadline_ms: 5000 })).rejects.toMatchObject({
      code: "cancelled",
    });
  });
});
