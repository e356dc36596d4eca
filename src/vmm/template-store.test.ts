/** Templates on disk: kept whole or not at all, found only where nothing has changed, and pruned down to what is wanted. */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { origin } from "../../tests/support/template-origin.ts";
import { namelessFile } from "../platform/files.ts";
import { type StatePaths, statePaths } from "../store/paths.ts";
import { type TemplateOrigin, templateKey } from "./template-origin.ts";
import { TemplateStore } from "./template-store.ts";

const TSC_KHZ = 2_600_000;
const upgraded: TemplateOrigin = { ...origin, agent: "b" };

let directory: string;
let paths: StatePaths;
let store: TemplateStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-templates-"));
  paths = statePaths({ PYRO_HOME: join(directory, "home") });
  store = new TemplateStore(paths);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

const filesOf = (of: TemplateOrigin) => paths.template(templateKey(of));
const names = () => readdirSync(paths.templates).sort();
const namesOf = (...origins: readonly TemplateOrigin[]) =>
  origins.flatMap((of) => ["json", "memory", "state"].map((half) => `${templateKey(of)}.${half}`)).sort();

/** Makes a template of that content. */
async function publish(of = origin, content = "memory", memory_read_only = false): Promise<void> {
  const made = { memory: store.newFile(), state: store.newFile() };
  try {
    made.memory.write(Buffer.from(content));
    made.state.write(Buffer.from("state"));
    await store.publish(of, { tsc_khz: TSC_KHZ, memory_read_only, pyro_version: "0" }, made);
  } finally {
    made.memory.close();
    made.state.close();
  }
}

/** What a store opens: the content of both files, or undefined. */
function opened(of = origin, tsc_khz = TSC_KHZ): readonly string[] | undefined {
  const open = store.open(of, tsc_khz);
  if (open === undefined) return undefined;
  const content = [open.memory, open.state].map((file) => file.readAll().toString());
  open.close();
  return content;
}

function changeByte(path: string): void {
  chmodSync(path, 0o600);
  const fd = openSync(path, "r+");
  writeSync(fd, "X", 2);
  closeSync(fd);
}

/** Changes a manifest as JSON. */
function rewrite(change: (manifest: Record<string, unknown>) => unknown): void {
  const path = filesOf(origin).manifest;
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
}

describe("a template", () => {
  it("has no name before all of it is there", async () => {
    const files = [store.newFile(), store.newFile()];
    expect(names()).toEqual([]);
    for (const file of files) file.close();
    await publish();
    expect(names()).toEqual(namesOf(origin));
  });

  it("is opened as it was made, with what is known of it", async () => {
    await publish();
    const open = store.open(origin, TSC_KHZ);
    expect(open?.template).toMatchObject({ origin, tsc_khz: TSC_KHZ, proof: null });
    expect(open?.template.size_bytes).toBeGreaterThan(0);
    open?.close();
    expect(opened()).toEqual(["memory", "state"]);
  });

  it.each([
    [true, 0o400],
    [false, 0o600],
  ])("is for us alone, and its memory read-only where the VMM does not need more: %s", async (readOnly, mode) => {
    await publish(origin, "memory", readOnly);
    const { memory, state, manifest } = filesOf(origin);
    expect([memory, state, manifest].map((path) => statSync(path).mode & 0o777)).toEqual([mode, 0o400, 0o600]);
  });

  it("takes the place of the one before, which machines go on using", async () => {
    await publish(origin, "first");
    const first = store.open(origin, TSC_KHZ);
    await publish(origin, "second");
    expect(first?.memory.readAll().toString()).toBe("first");
    first?.close();
    expect(opened()).toEqual(["second", "state"]);
    expect(names()).toEqual(namesOf(origin));
  });

  it("leaves nothing where it could not be kept", async () => {
    const memory = store.newFile();
    // A file of another file system cannot be given a name in this one.
    const state = namelessFile("/dev/shm");
    await publish();
    const facts = { tsc_khz: TSC_KHZ, memory_read_only: false, pyro_version: "0" };
    await expect(store.publish(origin, facts, { memory, state })).rejects.toMatchObject({ code: "host_io_failed" });
    memory.close();
    state.close();
    expect(names()).toEqual([]);
  });

  it("that is discarded by another process while it is kept is a typed error, and leaves nothing", async () => {
    const publishing = expect(publish()).rejects.toMatchObject({ code: "host_io_failed" });
    while (!existsSync(filesOf(origin).memory)) await new Promise((resolve) => setImmediate(resolve));
    store.discard(origin);
    await publishing;
    expect(names()).toEqual([]);
  });

  it("is not opened for another origin, or on a host with another clock", async () => {
    await publish();
    expect(opened(upgraded)).toBeUndefined();
    expect(opened(origin, TSC_KHZ + 260)).toBeDefined();
    expect(opened(origin, TSC_KHZ + 261)).toBeUndefined();
  });

  it("is gone once it is discarded, which can be said twice", async () => {
    await publish();
    await publish(upgraded);
    store.discard(origin);
    store.discard(origin);
    expect(opened()).toBeUndefined();
    expect(names()).toEqual(namesOf(upgraded));
  });

  it("that was proved says when and how fast, and stays whole", async () => {
    await publish();
    store.noteProof(origin, 700, false);
    store.noteProof(upgraded, 1, false);
    expect(opened()).toEqual(["memory", "state"]);
    expect(store.all().map(({ proof }) => proof)).toEqual([{ at: expect.any(String), start_ms: 700, network: false }]);
    expect(names()).toEqual(namesOf(origin));
  });
});

describe("a template is not opened, but made anew,", () => {
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    ["cut off", (path) => truncateSync(path, 1)],
    ["made empty", (path) => truncateSync(path, 0)],
    ["longer", (path) => truncateSync(path, 4096)],
    ["changed in one byte", changeByte],
    [
      "changed in one byte, with the time of before",
      (path) => {
        const { atime, mtime } = statSync(path);
        changeByte(path);
        utimesSync(path, atime, mtime);
      },
    ],
    [
      "replaced by a copy",
      (path) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
      },
    ],
    ["gone", unlinkSync],
  ];

  it.each(damages)("when its memory or its state is %s", async (_how, damage) => {
    for (const half of ["memory", "state"] as const) {
      await publish();
      // Beyond the resolution of the file system's times.
      await new Promise((resolve) => setTimeout(resolve, 15));
      damage(filesOf(origin)[half]);
      expect(opened()).toBeUndefined();
      await publish();
      expect(opened()).toEqual(["memory", "state"]);
    }
    await store.prune(async () => true);
    expect(names()).toEqual(namesOf(origin));
  });

  it.each([
    ["gone", () => unlinkSync(filesOf(origin).manifest)],
    ["empty", () => truncateSync(filesOf(origin).manifest, 0)],
    ["not JSON", () => writeFileSync(filesOf(origin).manifest, "\0\0{")],
    ["cut off", () => truncateSync(filesOf(origin).manifest, 100)],
    ["null", () => rewrite(() => null)],
    ["of another version", () => rewrite((manifest) => ({ ...manifest, schema_version: 2 }))],
    ["of more than we know", () => rewrite((manifest) => ({ ...manifest, later: 1 }))],
    ["without a stamp", () => rewrite(({ memory: _, ...manifest }) => manifest)],
    ["of another origin", () => rewrite((manifest) => ({ ...manifest, origin: upgraded }))],
    ["a template's of another origin", () => copyFileSync(filesOf(upgraded).manifest, filesOf(origin).manifest)],
  ])("when its manifest is %s", async (_how, damage) => {
    await publish(upgraded);
    await publish();
    damage();
    expect(opened()).toBeUndefined();
    expect(store.all().map((template) => template.origin)).toEqual([upgraded]);
    store.noteProof(origin, 1, false);
    expect(opened()).toBeUndefined();
    await publish();
    expect(opened()).toEqual(["memory", "state"]);
    expect(names()).toEqual(namesOf(origin, upgraded));
  });
});

describe("the newest template", () => {
  it("is the last one made for this environment and shape", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    for (const [day, of] of [
      ["02", upgraded],
      ["01", { ...origin, kernel: "sha256:old" }],
      ["03", { ...origin, mem_mib: 512 }],
      ["04", { ...origin, environment: "debian:12-build" }],
    ] as const) {
      vi.setSystemTime(`2026-01-${day}T00:00:00Z`);
      await publish(of);
    }
    expect(store.newestFor(origin)?.origin).toEqual(upgraded);
    expect(store.newestFor({ ...origin, vcpu_count: 2 })).toBeUndefined();
    expect(store.all()).toHaveLength(4);
  });

  it("is none in a cache that was never used", async () => {
    expect([store.newestFor(origin), store.all(), await store.prune(async () => true)]).toEqual([undefined, [], []]);
  });
});

describe("pruning", () => {
  it("removes every file but those of whole templates that are wanted, and says how much", async () => {
    const damaged = { ...origin, mem_mib: 512 };
    for (const of of [origin, upgraded, damaged]) await publish(of);
    truncateSync(filesOf(damaged).state, 1);
    const strays = ["x.memory", `${"0".repeat(32)}.memory`, `${templateKey(origin)}.json.0011.tmp`];
    for (const name of strays) writeFileSync(join(paths.templates, name), "stray");
    const removed = await store.prune(async (template) => template.origin.agent !== "b");
    expect(names()).toEqual(namesOf(origin));
    expect(opened()).toEqual(["memory", "state"]);
    const expected = [...namesOf(upgraded, damaged), ...strays].sort();
    expect(removed.map(({ path }) => path)).toEqual(expected.map((name) => join(paths.templates, name)));
    for (const { size_bytes } of removed) expect(size_bytes).toBeGreaterThan(0);
    expect(await store.prune(async () => true)).toEqual([]);
  });
});
