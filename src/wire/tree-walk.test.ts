/** Listings by an agent that breaks their rules. */
import { afterEach, describe, expect, it } from "vitest";
import { agentThat, closeAgents, event, record } from "../../tests/support/hostile-agent.ts";
import { nested, stat } from "../../tests/support/tree-replies.ts";
import type { AgentClient } from "./client.ts";
import type { KnownTree } from "./known-tree.ts";
import type { TreeStat, WalkEntry } from "./tree-stat.ts";
import { type WalkRequest, walkTree } from "./tree-walk.ts";

const request: WalkRequest = { root: "/workspace", path: "", recursive: true, max_entries: 5 };
const ended = (count: number, more = {}) => event({ event: "ended", count, cut: false, unlisted: 0, ...more });
const entries = (...entries: unknown[]) => event({ event: "entries", entries });
const file = (path: unknown) => ({ path, stat: stat() });
const directory = (path: unknown) => ({ path, stat: stat({ kind: "directory", size_bytes: 0 }) });

const same = (path: string, count: number) => event({ event: "same", path, count });

/** A tree that is known by its directories' own entries. */
function knowing(directories: Readonly<Record<string, readonly ReturnType<typeof file>[]>>): KnownTree {
  const listed = ({ path, stat }: ReturnType<typeof file>) => ({ path: String(path), ...(stat as TreeStat) });
  return {
    digests: new Map(Object.keys(directories).map((path) => [path, "1"])),
    entriesOf: (path) => (directories[path] ?? []).map(listed),
  };
}

async function answering(...body: Buffer[]): Promise<AgentClient> {
  const { client } = await agentThat((stream) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.concat(body));
  });
  return client;
}

async function walk(client: AgentClient, more: Partial<typeof request & { after: string }> = {}) {
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

  it("begins behind an entry, whose directories were listed before", async () => {
    const client = await answering(entries(file("d/e/c"), file("d/f"), file("g")), ended(3));
    const { listed } = await walk(client, { after: "d/e/b" });
    expect(listed.map(({ path }) => path)).toEqual(["d/e/c", "d/f", "g"]);
  });

  it.each([
    ["the entry itself", [entries(file("d/e/b")), ended(1)]],
    ["an entry before it", [entries(file("d/e/a")), ended(1)]],
    ["an entry of a directory before it", [entries(file("d/a/x")), ended(1)]],
    ["an entry of a directory behind it", [entries(file("d/f/x")), ended(1)]],
  ])("that begins behind an entry is refused with %s", async (_, body) => {
    const refused = walk(await answering(...body), { after: "d/e/b" });
    await expect(refused).rejects.toMatchObject({ code: "protocol_violation" });
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

  it("puts in what it knows of directories that are as they were, where it belongs", async () => {
    const told: string[] = [];
    const known = knowing({
      "": [directory("a"), directory("b"), file("c"), directory("d"), file("z")],
      a: [file("a/1"), directory("a/2"), file("a/3")],
      b: [],
      d: [file("d/1")],
    });
    const body = [
      same("", 5),
      same("a", 3),
      entries(file("a/2/new")),
      event({ event: "digest", path: "a/2", digest: "7" }),
      same("b", 0),
      entries(file("d/1"), directory("d/2")),
      ended(11),
    ];
    const { listed, end } = await walk(await answering(...body), {
      max_entries: 100,
      known: { ...known, told: (path, digest) => void told.push(`${path} ${digest}`) },
    });
    const expected = ["a", "a/1", "a/2", "a/2/new", "a/3", "b", "c", "d", "d/1", "d/2", "z"];
    expect(listed.map(({ path }) => path)).toEqual(expected);
    expect([end.count, told]).toEqual([11, ["a/2 7"]]);
  });

  it.each([
    ["a directory that it was told nothing of", [entries(directory("x")), same("x", 0), ended(1)]],
    ["another number of entries", [same("", 2), ended(2)]],
    ["a known directory twice", [same("", 1), same("a", 1), same("a", 1), ended(3)]],
    ["a known directory that it did not list", [same("a", 1), ended(1)]],
    ["what a known directory has already", [same("", 1), entries(file("a")), ended(2)]],
    ["a count without what is known", [same("", 1), same("a", 1), ended(0)]],
    ["more than was asked for", [same("", 1), same("a", 1), entries(..."bcdef".split("").map(file)), ended(7)]],
    ["a path that leads out", [same("../a", 1), ended(1)]],
    ["a digest that is no number", [event({ event: "digest", path: "", digest: "x" }), ended(0)]],
  ])("calls it a violation to say of %s that it is as it was", async (_what, body) => {
    const known = knowing({ "": [directory("a")], a: [file("a/1")] });
    await expect(walk(await answering(...body), { known })).rejects.toMatchObject({ code: "protocol_violation" });
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
