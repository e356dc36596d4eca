/** Guests that lie about files, or change them under the reader: nothing wrong lands on the host, and nothing is claimed that was not seen. */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { event, record } from "../support/hostile-agent.ts";
import type { Lies, Told } from "../support/lying-machine.ts";
import { stat } from "../support/tree-replies.ts";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";

const environment = "debian:12";
const lies: Lies = {};
let fake: FakeWorkspaces;
beforeAll(() => {
  fake = openFakeWorkspaces({ lies });
});
afterEach(() => {
  for (const method of Object.keys(lies)) delete lies[method];
});
afterAll(() => fake.close());

async function within(use: (workspace_id: string) => Promise<void>): Promise<void> {
  const { workspace_id } = await fake.pyro.createWorkspace({ environment });
  try {
    await use(workspace_id);
  } finally {
    await fake.pyro.deleteWorkspace({ workspace_id });
  }
}

/** A directory of the host with these files. */
function source(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const directory = join(fake.room, name);
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) writeFileSync(join(directory, path), content);
  return directory;
}

/** Answers a write as if all of it had been made, and makes nothing. */
function acknowledge({ stream }: Told): void {
  const body: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  stream.on("end", () => {
    const counted = { entries: 0, bytes: 0 };
    const all = Buffer.concat(body);
    for (let at = 0; at < all.length; at += 5 + all.readUInt32BE(at + 1)) {
      const payload = all.subarray(at + 5, at + 5 + all.readUInt32BE(at + 1));
      if (all[at] !== 0) counted.bytes += payload.length;
      else if (payload.includes('"item":"entry"')) counted.entries += 1;
    }
    stream.respond({ ":status": 200 });
    stream.end(JSON.stringify(counted));
  });
}

function replaced(path: string, make: (path: string) => void): void {
  rmSync(path);
  make(path);
}

describe("a push (SYNC-06)", () => {
  it("that was made is verified, long files by a part of them, and links and directories not at all", async () => {
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, `${at}`.repeat(at)]));
    const from = source("honest", { ...files, long: Buffer.alloc(1_000_000, "long"), "odd\nname": "x" });
    symlinkSync("f1", join(from, "link"));
    await within(async (workspace_id) => {
      const request = { workspace_id, source: from, dest: "into" };
      const pushed = await fake.pyro.pushWorkspaceSync(request);
      expect(pushed).toMatchObject({ verification: "verified", verified_count: 32, unverified: [] });
      rmSync(join(from, "link"));
      for (const name of Object.keys(files)) rmSync(join(from, name));
      expect(await fake.pyro.pushWorkspaceSync(request)).toMatchObject({ verification: "verified", verified_count: 2 });
    });
  });

  it("of which a guest acknowledges what it never wrote is not called verified", async () => {
    const from = source("acknowledged", { a: "a", b: "b".repeat(500_000) });
    await within(async (workspace_id) => {
      lies["write"] = acknowledge;
      const pushed = await fake.pyro.pushWorkspaceSync({ workspace_id, source: from });
      expect(pushed).toMatchObject({ entry_count: 2, verification: "unverified", verified_count: 0 });
      expect([...pushed.unverified].sort()).toEqual(["a", "b"]);
    });
  });

  it.each([
    ["other content", (root: string) => writeFileSync(join(root, "b"), "c")],
    ["another length", (root: string) => appendFileSync(join(root, "b"), "b")],
    ["a directory", (root: string) => replaced(join(root, "b"), (path) => mkdirSync(path))],
    ["a link to the same", (root: string) => replaced(join(root, "b"), (path) => symlinkSync("a", path))],
  ])("of which one file is %s by then names that one", async (_, change) => {
    const from = source("changed", { a: "b", b: "b" });
    await within(async (workspace_id) => {
      lies["read"] = ({ root, pass }) => {
        change(root);
        pass();
      };
      const pushed = await fake.pyro.pushWorkspaceSync({ workspace_id, source: from });
      expect(pushed).toMatchObject({ verification: "unverified", verified_count: 1, unverified: ["b"] });
    });
  });
});

/** Answers a read with these records, and then with `more` as often as it is taken. */
function answers(records: readonly Buffer[], more?: Buffer): (told: Told) => void {
  return ({ stream }) => {
    stream.resume();
    stream.respond({ ":status": 200 });
    for (const each of records) stream.write(each);
    if (more === undefined) return void stream.end();
    const go = (): void => void (!stream.destroyed && stream.write(more, () => setImmediate(go)));
    go();
  };
}

const entry = (size_bytes: number) => event({ event: "entry", index: 0, stat: stat({ size_bytes }) });
const ended = (bytes: number) => event({ event: "ended", index: 0, bytes, changed: false });
const data = (bytes: number) => record(1, Buffer.alloc(bytes));

describe("an export of a guest that", () => {
  const cases: [string, (told: Told) => void, RegExp][] = [
    ["claims 100 GB (EXP-09)", answers([entry(1e11)], data(65_536)), /^too_large$/],
    ["claims 10 bytes and sends without end (EXP-13)", answers([entry(10)], data(65_536)), /^protocol_violation$/],
    ["claims 1 GB and sends 10 bytes (EXP-13)", answers([entry(1e9), data(10), ended(10)]), /^protocol_violation$/],
    ["claims 1 GB, and stops in the middle (EXP-13)", answers([entry(1e9), data(10)]), /^protocol_violation$/],
    [
      "sends what was not asked for",
      answers([event({ event: "entry", index: 7, stat: stat() })]),
      /^protocol_violation$/,
    ],
  ];

  it.each(cases)("%s is refused, and nothing of it stays", async (_, lie, code) => {
    const room = source("refused", {});
    await within(async (workspace_id) => {
      await fake.pyro.writeWorkspaceFile({ workspace_id, path: "f", text: "f" });
      lies["read"] = lie;
      const exported = fake.pyro.exportWorkspace({ workspace_id, path: "/workspace", output: join(room, "out") });
      await expect(exported).rejects.toMatchObject({ code: expect.stringMatching(code) });
      expect(readdirSync(room)).toEqual([]);
    });
  });

  it("lists without end is refused (EXP-09)", async () => {
    const room = source("endless", {});
    await within(async (workspace_id) => {
      let at = 0;
      const next = () => {
        at += 1;
        return at;
      };
      const batch = () => {
        const entries = Array.from({ length: 4_000 }, () => ({
          path: `f${String(next()).padStart(9, "0")}`,
          stat: stat(),
        }));
        return event({ event: "entries", entries });
      };
      lies["walk"] = ({ stream }) => {
        stream.resume();
        stream.respond({ ":status": 200 });
        const go = (): void => void (!stream.destroyed && stream.write(batch(), () => setImmediate(go)));
        go();
      };
      const exported = fake.pyro.exportWorkspace({ workspace_id, path: "/workspace", output: join(room, "out") });
      await expect(exported).rejects.toMatchObject({ code: "protocol_violation" });
      expect(at).toBeLessThan(600_000);
      expect(readdirSync(room)).toEqual([]);
    });
  });

  it("sends a byte now and then, for ever, ends with its caller (EXP-09)", async () => {
    const room = source("slow", {});
    await within(async (workspace_id) => {
      await fake.pyro.writeWorkspaceFile({ workspace_id, path: "f", text: "f" });
      const stop = new AbortController();
      let sent = 0;
      lies["read"] = ({ stream }) => {
        stream.resume();
        stream.respond({ ":status": 200 });
        stream.write(entry(1e9));
        const drip = setInterval(() => {
          sent += 1;
          if (sent === 20) stop.abort();
          stream.write(data(1));
        }, 10);
        stream.on("close", () => clearInterval(drip));
      };
      const request = { workspace_id, path: "/workspace", output: join(room, "out") };
      const exported = fake.pyro.exportWorkspace(request, { signal: stop.signal });
      await expect(exported).rejects.toMatchObject({ code: "cancelled" });
      await expect.poll(() => readdirSync(room)).toEqual([]);
      delete lies["read"];
      expect(await fake.pyro.exportWorkspace(request)).toMatchObject({ entry_count: 1 });
    });
  });
});

describe("an export of a tree that changes meanwhile (EXP-17)", () => {
  const LONG = 48 * 1_048_576;

  it("has each file as it was at one moment, or says which it has not", async () => {
    const from = source("moving", { a: "a", b: "b", c: "c", d: "d", long: Buffer.alloc(LONG, 1) });
    const room = source("moved", {});
    await within(async (workspace_id) => {
      await fake.pyro.pushWorkspaceSync({ workspace_id, source: from });
      lies["read"] = ({ root, pass }) => {
        rmSync(join(root, "a"));
        writeFileSync(join(root, "b"), "longer than before");
        rmSync(join(root, "c"));
        symlinkSync("/etc/passwd", join(root, "c"));
        writeFileSync(join(root, "e"), "later than the listing");
        let isTouched = false;
        pass(() => {
          if (!isTouched) writeFileSync(join(root, "long"), Buffer.alloc(LONG, 2), { flag: "r+" });
          isTouched = true;
        });
      };
      const output = join(room, "out");
      const exported = await fake.pyro.exportWorkspace({ workspace_id, path: "/workspace", output });
      expect(exported.skipped).toEqual([{ path: "a", reason: "path_not_found" }]);
      expect(exported.skipped_links).toEqual([{ path: "c", link_target: "/etc/passwd" }]);
      expect(exported.changed_during_export).toEqual(["long"]);
      expect(readdirSync(output).sort()).toEqual(["b", "d", "long"]);
      expect(readFileSync(join(output, "b"), "utf8")).toBe("longer than before");
      expect(readFileSync(join(output, "long"))).toHaveLength(LONG);
    });
  });

  it("is refused where a file becomes shorter while it is read", async () => {
    const from = source("shrinking", { long: Buffer.alloc(LONG, 1) });
    const room = source("shrunk", {});
    await within(async (workspace_id) => {
      await fake.pyro.pushWorkspaceSync({ workspace_id, source: from });
      lies["read"] = ({ root, pass }) => pass(() => truncateSync(join(root, "long"), 10));
      const exported = fake.pyro.exportWorkspace({ workspace_id, path: "/workspace", output: join(room, "out") });
      await expect(exported).rejects.toMatchObject({ code: "path_changed" });
      expect(readdirSync(room)).toEqual([]);
    });
  });
});
