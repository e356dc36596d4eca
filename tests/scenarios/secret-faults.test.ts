/** Secrets whose keeper is killed, whose file or key is damaged: what is there afterwards, what is said, and that nobody else has seen them. */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FakeProcesses, openFakeProcesses } from "../support/fake-processes.ts";
import { patience } from "../support/patience.ts";
import { filesWith, overheard, processesWith } from "../support/secret-scan.ts";

const environment = "debian:12";
const fresh = () => `k-${randomBytes(15).toString("base64url")}`;
let fake: FakeProcesses;
beforeAll(async () => {
  fake = await openFakeProcesses();
});
afterEach(() => fake.fail(undefined));
afterAll(() => fake.close());

const shell = (script: string) => ["sh", "-c", script];

/** What the machine's file of the secret has, told by its hash. */
async function hashIn(workspace_id: string): Promise<string | undefined> {
  const command = shell('sha256sum "$FAKE_SECRETS/KEY"');
  return (await fake.pyro.execWorkspace({ workspace_id, command })).stdout.split(" ")[0];
}

const hashOf = (value: string) => createHash("sha256").update(value).digest("hex");

/** Uses a workspace with one secret; nothing is left of it afterwards. */
async function within(use: (workspace_id: string, value: string) => Promise<void>): Promise<void> {
  const value = fresh();
  const { workspace_id } = await fake.pyro.createWorkspace({ environment, secret: { KEY: value } });
  try {
    await use(workspace_id, value);
  } finally {
    await fake.pyro.deleteWorkspace({ workspace_id });
  }
  expect(await fake.leftovers()).toEqual([]);
}

describe("a keeper with secrets", () => {
  it("that is killed has them again when it is started", async () => {
    await within(async (workspace_id, value) => {
      for (const pid of fake.keepers()) process.kill(pid, "SIGKILL");
      await expect.poll(() => [...fake.keepers(), ...fake.machines()], { timeout: 5_000 * patience }).toEqual([]);
      await fake.pyro.startWorkspace({ workspace_id });
      expect(await hashIn(workspace_id)).toBe(hashOf(value));
      const command = shell(`echo ${value}`);
      expect((await fake.pyro.execWorkspace({ workspace_id, command })).stdout).toBe("[REDACTED]\n");
    });
  });

  it.each(["create.kept", "create.secrets_sealed", "create.disk_cloned", "create.hello", "create.record_ready"])(
    "that is killed, or its caller, at %s leaves neither it nor them",
    async (point) => {
      const value = fresh();
      fake.fail(`${point}:1:kill9`);
      const child = fake.caller("createWorkspace", { environment, name: "cut", secret: { KEY: value } });
      await new Promise((resolve) => child.once("exit", resolve));
      fake.fail(undefined);
      const none = async () => (await fake.pyro.listWorkspaces()).workspaces;
      await expect.poll(none, { timeout: 10_000 * patience }).toEqual([]);
      await fake.pyro.reapExpired();
      expect(await fake.leftovers()).toEqual([]);
      expect(filesWith(fake.host.store.paths.data, [value])).toEqual([]);
    },
  );

  it("writes no core, and neither does what it starts", async () => {
    expect(readFileSync("/proc/self/limits", "utf8")).not.toMatch(/^Max core file size +0 +0 /m);
    await within(async () => {
      const running = [...fake.keepers(), ...fake.machines()];
      expect(running.length).toBeGreaterThan(1);
      for (const pid of running)
        expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /m);
    });
  });
});

describe("sealed secrets", () => {
  const sealed = (workspace_id: string) => fake.host.store.paths.partsOf(workspace_id).secrets;
  const key = () => fake.host.store.paths.secretsKey;
  const away = (path: string) => ({
    hurt: () => renameSync(path, `${path}.away`),
    mend: () => renameSync(`${path}.away`, path),
  });
  const replaced = (path: string, change: (bytes: Buffer) => Buffer) => {
    const before = readFileSync(path);
    return { hurt: () => writeFileSync(path, change(before)), mend: () => writeFileSync(path, before) };
  };
  const flipped = (bytes: Buffer) => {
    const document = JSON.parse(bytes.toString());
    const data = Buffer.from(document.data, "base64");
    data.writeUInt8((data[100] ?? 0) ^ 1, 100);
    return Buffer.from(JSON.stringify({ ...document, data: data.toString("base64") }));
  };
  const damages: readonly (readonly [string, (workspace_id: string) => { hurt: () => void; mend: () => void }])[] = [
    ["whose file is gone", (id) => away(sealed(id))],
    ["whose file is cut", (id) => replaced(sealed(id), (bytes) => bytes.subarray(0, 50))],
    ["whose file has another bit", (id) => replaced(sealed(id), flipped)],
    ["whose key is gone", () => away(key())],
    ["whose key is another", () => replaced(key(), () => randomBytes(32))],
    ["whose key is cut", () => replaced(key(), (bytes) => bytes.subarray(1))],
    [
      "whose key is a link",
      () => {
        const { hurt, mend } = away(key());
        return {
          hurt: () => {
            hurt();
            symlinkSync(`${key()}.away`, key());
          },
          mend,
        };
      },
    ],
    ["whose key others may read", () => ({ hurt: () => chmodSync(key(), 0o644), mend: () => chmodSync(key(), 0o600) })],
  ];

  it.each(damages)("%s let no machine begin, and everything else be", async (_, damage) => {
    await within(async (workspace_id, value) => {
      await fake.pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
      await fake.pyro.stopWorkspace({ workspace_id });
      const { hurt, mend } = damage(workspace_id);
      hurt();
      const unreadable = { code: "secrets_unreadable", details: { workspace_id } };
      const disk = fake.pyro.readWorkspaceDisk({ workspace_id, path: "/workspace/kept" });
      await expect(disk).rejects.toMatchObject(unreadable);
      await expect(fake.pyro.startWorkspace({ workspace_id })).rejects.toMatchObject(unreadable);
      expect(fake.machines()).toEqual([]);
      const status = await fake.pyro.statusWorkspace({ workspace_id });
      expect(status).toMatchObject({ state: "stopped", secrets: [{ name: "KEY", source: "value" }] });
      mend();
      await fake.pyro.startWorkspace({ workspace_id });
      expect(await hashIn(workspace_id)).toBe(hashOf(value));
      expect((await fake.pyro.readWorkspaceFile({ workspace_id, path: "kept" })).content).toBe("kept");
    });
  });

  it("of another workspace are none of this one", async () => {
    const value = fresh();
    await within(async (workspace_id) => {
      const other = await fake.pyro.createWorkspace({ environment, secret: { KEY: value } });
      for (const id of [workspace_id, other.workspace_id]) await fake.pyro.stopWorkspace({ workspace_id: id });
      copyFileSync(sealed(other.workspace_id), sealed(workspace_id));
      const start = fake.pyro.startWorkspace({ workspace_id });
      await expect(start).rejects.toMatchObject({ code: "secrets_unreadable" });
      await fake.pyro.deleteWorkspace({ workspace_id: other.workspace_id });
    });
  });

  it("say by their length no more than their order of size, and are the user's alone", async () => {
    await within(async (workspace_id) => {
      const { workspace_id: other } = await fake.pyro.createWorkspace({
        environment,
        secret: { KEY: fresh() + fresh() + fresh() },
      });
      const [one, two] = [statSync(sealed(workspace_id)), statSync(sealed(other))];
      expect(one.size).toBe(two.size);
      expect([one.mode & 0o777, statSync(key()).mode & 0o777]).toEqual([0o600, 0o600]);
      await fake.pyro.deleteWorkspace({ workspace_id: other });
    });
  });

  it("are not there where a workspace has none, whatever becomes of the key", async () => {
    rmSync(key(), { force: true });
    const { workspace_id } = await fake.pyro.createWorkspace({ environment });
    expect([existsSync(key()), existsSync(sealed(workspace_id))]).toEqual([false, false]);
    await fake.pyro.deleteWorkspace({ workspace_id });
  });

  it("of workspaces that are created at once are sealed with one key", async () => {
    rmSync(key(), { force: true });
    const values = Array.from({ length: 4 }, fresh);
    const made = await Promise.all(
      values.map((value) => fake.pyro.createWorkspace({ environment, secret: { KEY: value } })),
    );
    for (const [at, { workspace_id }] of made.entries()) {
      await fake.pyro.stopWorkspace({ workspace_id });
      await fake.pyro.startWorkspace({ workspace_id });
      expect(await hashIn(workspace_id)).toBe(hashOf(values[at] ?? ""));
      await fake.pyro.deleteWorkspace({ workspace_id });
    }
  });
});

describe("a value", () => {
  it("is in no file, process, answer or error after everything that can be done", async () => {
    const [value, other] = [fresh(), fresh()];
    writeFileSync(join(fake.room, "key"), `${other}\n`, { mode: 0o600 });
    const { pyro, said } = overheard(fake.pyro);
    const seed_path = join(fake.room, "none");
    const secrets = { secret: { KEY: value }, secret_file: { FILE: join(fake.room, "key") } };
    await expect(pyro.createWorkspace({ environment, seed_path, ...secrets })).rejects.toThrow();
    const { workspace_id } = await pyro.createWorkspace({ environment, ...secrets });
    const both = { workspace_id, secret_env: { KEY: "KEY", FILE: "FILE" } };
    const look = async () => {
      const { data } = fake.host.store.paths;
      expect(filesWith(data, [value, other])).toEqual([]);
      expect(processesWith([value, other])).toEqual([]);
    };
    await look();
    await pyro.execWorkspace({ ...both, command: shell('echo "$KEY $FILE"; echo "$KEY" >&2') });
    await pyro.execWorkspace({ ...both, command: shell('sleep 0.3; printf %s "$KEY"'), detach: true });
    await pyro.waitWorkspace({ workspace_id, sequence: 2, timeout_seconds: 20 });
    await pyro.execWorkspace({ workspace_id, command: [value] }).catch(() => {});
    await pyro.execWorkspace({ ...both, command: shell('printf %s "$KEY"; sleep 60'), timeout_seconds: 1 });
    await pyro.readWorkspaceFile({ workspace_id, path: value }).catch(() => {});
    await pyro.waitWorkspace({ workspace_id, file: value, timeout_seconds: 1 });
    await pyro.writeWorkspaceFile({ workspace_id, path: `named-${value}`, text: "" });
    await pyro.createSnapshot({ workspace_id, snapshot_name: "s" });
    // A patch has names as they are.
    await fake.pyro.diffWorkspace({ workspace_id });
    await pyro.logsWorkspace({ workspace_id, tail_lines: 20 });
    await pyro.summarizeWorkspace({ workspace_id });
    await pyro.exportWorkspace({ workspace_id, path: "/workspace", output: join(fake.room, "out") });
    await look();
    for (const pid of fake.keepers()) process.kill(pid, "SIGKILL");
    await pyro.execWorkspace({ workspace_id, command: ["true"] }).catch(() => {});
    await pyro.startWorkspace({ workspace_id });
    await pyro.resetWorkspace({ workspace_id });
    await pyro.stopWorkspace({ workspace_id });
    await pyro.logsWorkspace({ workspace_id });
    await look();
    await pyro.listWorkspaceDisk({ workspace_id, path: "/workspace" }).catch(() => {});
    await pyro.deleteWorkspace({ workspace_id });
    expect(await fake.leftovers()).toEqual([]);
    await look();
    for (const each of [value, other]) expect(said()).not.toContain(each);
  });
});
