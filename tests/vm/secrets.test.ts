/** Secrets on real machines, given on the real command line: where a guest has them, and that neither its disk nor this host shows them to anybody. */
import { createHash, randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliResult, cli } from "../support/cli.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { filesWith, overheard, processesWith } from "../support/secret-scan.ts";
import { openVmHome, type VmHome } from "../support/vm-home.ts";

const fresh = () => `k-${randomBytes(15).toString("base64url")}`;
const hashOf = (value: string) => createHash("sha256").update(value).digest("hex");
let home: VmHome;

beforeAll(async () => {
  home = await openVmHome("secrets");
});
afterAll(() => home?.close());

const words = ({ stdout, stderr }: CliResult) => stdout + stderr;

describe("a secret on a virtual machine", () => {
  it("lies in memory that runs nothing, and in no list of processes", async () => {
    const value = fresh();
    const { workspace_id } = await home.pyro.createWorkspace({ environment: ENVIRONMENT, secret: { KEY: value } });
    const inside = async (script: string, more: object = {}) =>
      (await home.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script], ...more })).stdout;
    expect(await inside("grep pyro-secrets /proc/mounts")).toMatch(
      /^tmpfs \/run\/pyro-secrets tmpfs rw,nosuid,nodev,noexec,relatime,size=2048k,nr_inodes=128,mode=700\b/,
    );
    expect(await inside("stat -c '%u %g %a' /run/pyro-secrets/KEY")).toBe("0 0 400\n");
    expect(await inside("su -s /bin/sh nobody -c 'cat /run/pyro-secrets/KEY' 2>&1 || echo refused")).toContain(
      "refused",
    );
    // What would show the value reads [REDACTED].
    expect(await inside("cat /proc/cmdline; ps axww; cat /proc/*/environ | tr '\\0' '\\n'")).not.toContain("REDACTED");
    expect(await inside("cat /proc/self/environ | tr '\\0' '\\n'", { secret_env: { KEY: "MINE" } })).toContain(
      "MINE=[REDACTED]",
    );
    await home.pyro.deleteWorkspace({ workspace_id });
  });

  it("is on no disk, in no snapshot, no template, no record, no process of this host", async () => {
    const [value, other] = [fresh(), fresh()];
    const file = join(home.scratch, "key");
    writeFileSync(file, `${other}\n`, { mode: 0o600 });
    const heard = overheard(home.pyro);
    const input = { environment: ENVIRONMENT, secret: { KEY: value }, secret_file: { FILE: file } };
    const { workspace_id } = await heard.pyro.createWorkspace(input);
    const secret_env = { KEY: "KEY", FILE: "FILE" };
    const exec = (script: string, more: object = {}) =>
      heard.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script], secret_env, ...more });
    await exec('echo "$KEY"; echo "$FILE" >&2; cat /run/pyro-secrets/*; sync');
    await exec('sleep 0.5; echo "$KEY" | base64', { detach: true });
    await heard.pyro.waitWorkspace({ workspace_id, sequence: 2, timeout_seconds: 60 });
    await heard.pyro.createSnapshot({ workspace_id, snapshot_name: "s" });
    await heard.pyro.diffWorkspace({ workspace_id });
    await heard.pyro.summarizeWorkspace({ workspace_id });
    expect(processesWith([value, other])).toEqual([]);
    await heard.pyro.resetWorkspace({ workspace_id, snapshot: "s" });
    await exec("cat /run/pyro-secrets/*");
    await heard.pyro.exportWorkspace({ workspace_id, path: "/workspace", output: join(home.scratch, "tree") });
    await heard.pyro.stopWorkspace({ workspace_id });
    await heard.pyro.logsWorkspace({ workspace_id });
    await heard.pyro.listWorkspaceDisk({ workspace_id, path: "/", recursive: true });
    const below = heard.pyro.readWorkspaceDisk({ workspace_id, path: "/run/pyro-secrets/KEY" });
    await expect(below).rejects.toMatchObject({ code: "path_escape" });
    await heard.pyro.exportWorkspaceDisk({ workspace_id, output: join(home.scratch, "disk.raw") });
    rmSync(file);
    expect(filesWith(home.scratch, [value, other])).toEqual([]);
    rmSync(join(home.scratch, "disk.raw"));
    await heard.pyro.startWorkspace({ workspace_id });
    const sums = await home.pyro.execWorkspace({
      workspace_id,
      command: ["sh", "-c", "sha256sum /run/pyro-secrets/*"],
    });
    expect(sums.stdout).toBe(
      `${hashOf(`${other}\n`)}  /run/pyro-secrets/FILE\n${hashOf(value)}  /run/pyro-secrets/KEY\n`,
    );
    await heard.pyro.deleteWorkspace({ workspace_id });
    expect(filesWith(home.paths.data, [value, other])).toEqual([]);
    for (const each of [value, other]) expect(heard.said()).not.toContain(each);
  });

  it("that a command wrote to the disk is replaced where a stopped disk is read", async () => {
    const value = fresh();
    const { workspace_id } = await home.pyro.createWorkspace({ environment: ENVIRONMENT, secret: { KEY: value } });
    const command = ["sh", "-c", 'cp /run/pyro-secrets/KEY /etc/key; touch "/etc/$KEY.d"'];
    await home.pyro.execWorkspace({ workspace_id, command, secret_env: { KEY: "KEY" } });
    await home.pyro.stopWorkspace({ workspace_id });
    const read = await home.pyro.readWorkspaceDisk({ workspace_id, path: "/etc/key" });
    expect(read).toMatchObject({ content: "[REDACTED]", redacted: true, sha256: null });
    const { entries } = await home.pyro.listWorkspaceDisk({ workspace_id, path: "/etc" });
    expect(entries.map(({ path }) => path)).toContain("/etc/[REDACTED].d");
    await home.pyro.deleteWorkspace({ workspace_id });
  });

  it("is given to a cage on the host's own kernel as to a machine", async () => {
    const value = fresh();
    const input = { environment: ENVIRONMENT, allow_host_compat: true, secret: { KEY: value } };
    const { workspace_id } = await home.pyro.createWorkspace(input);
    const command = ["sh", "-c", "sha256sum </run/pyro-secrets/KEY; stat -c %a /run/pyro-secrets/KEY; echo $MINE"];
    const seen = () => home.pyro.execWorkspace({ workspace_id, command, secret_env: { KEY: "MINE" } });
    expect((await seen()).stdout).toBe(`${hashOf(value)}  -\n400\n[REDACTED]\n`);
    await home.pyro.resetWorkspace({ workspace_id });
    expect((await seen()).stdout).toBe(`${hashOf(value)}  -\n400\n[REDACTED]\n`);
    await home.pyro.deleteWorkspace({ workspace_id });
    expect(filesWith(home.paths.data, [value])).toEqual([]);
  });
});

describe("pyro workspace create", () => {
  const env = () => ({ PYRO_HOME: home.paths.data });

  it("takes secrets from a variable, a file and standard input, and says their names", async () => {
    const [one, two, three] = [fresh(), fresh(), fresh()];
    const file = join(home.scratch, "two");
    writeFileSync(file, two);
    const flags = ["--secret", "ONE", "--secret-file", `TWO=${file}`, "--secret-file", "THREE=-", "--json"];
    const options = { env: { ...env(), ONE: one }, stdin: three };
    const made = await cli(["workspace", "create", ENVIRONMENT, "--name", "s", ...flags], options);
    expect(JSON.parse(made.stdout).secrets).toEqual([
      { name: "ONE", source: "value" },
      { name: "THREE", source: "file" },
      { name: "TWO", source: "file" },
    ]);
    const names = ["--secret-env", "ONE", "--secret-env", "TWO=OTHER", "--secret-env", "THREE"];
    const script = 'printf %s "$ONE$OTHER$THREE" | sha256sum; echo "$ONE"';
    const ran = await cli(["workspace", "exec", "s", ...names, "--", "sh", "-c", script], { env: env() });
    expect(ran.stdout).toBe(`${hashOf(one + two + three)}  -\n[REDACTED]\n`);
    const status = await cli(["workspace", "status", "s", "--json"], { env: env() });
    const unknown = await cli(["workspace", "exec", "s", "--secret-env", "NONE", "--", "true"], { env: env() });
    expect([unknown.status, unknown.stderr]).toEqual([125, expect.stringContaining("it has ONE, THREE, TWO")]);
    for (const value of [one, two, three])
      for (const result of [made, ran, status, unknown]) expect(words(result)).not.toContain(value);
    await cli(["workspace", "delete", "s"], { env: env() });
  });

  it("quotes nothing of what may be a secret, whatever is wrong with it", async () => {
    const value = fresh();
    const wrong: readonly (readonly string[])[] = [
      ["--secret", value],
      ["--secret", `=${value}`],
      ["--secret", `${value}=`],
      ["--secret", `${value}=short`],
      ["--secret", `A B=${value}`],
      ["--secret", "KEY=short", "--secret", `OTHER=${value}`],
      ["--secret-file", value],
      ["--secret-file", `KEY=${value}`],
      ["--secret-file", `KEY=-`, "--secret-file", `${value.replaceAll("-", "_")}=-`],
      [`--secrets=KEY=${value}`],
      [`--secret-KEY=${value}'\n`],
      ["--secret", `KEY=${value}`, "--vcpu-count", "0"],
      ["--secret", `KEY=${value}`, "--", value],
    ];
    for (const flags of wrong) {
      for (const more of [[], ["--json"]]) {
        const args = ["workspace", "create", ENVIRONMENT, ...more, ...flags];
        const result = await cli(args, { env: { ...env(), PYRO_DEBUG: "1" } });
        expect([flags, result.status]).toEqual([flags, 2]);
        expect(words(result)).not.toContain(value);
        expect(words(result)).not.toContain(value.replaceAll("-", "_"));
      }
    }
    expect((await home.pyro.listWorkspaces()).workspaces).toEqual([]);
  });
});
