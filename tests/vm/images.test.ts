/** Images that are not Debian's, on real virtual machines: out of a registry of the test's own, run as they are. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pyro } from "../../src/sdk/pyro.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { copiedHome } from "../support/copied-home.ts";
import { RegistryServer } from "../support/registry-server.ts";
import { BUSYBOX, busyboxLayer, directory, file, layer, link, push } from "../support/small-images.ts";

let scratch = "";
let paths: StatePaths;
let pyro: Pyro;
let registry: RegistryServer;
const isMissing = !existsSync(BUSYBOX);
const busybox = isMissing ? layer() : busyboxLayer();
const reason = isMissing ? ` (skipped: ${BUSYBOX} of busybox-static is not installed)` : "";

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-vm-images-"));
  paths = await copiedHome(scratch);
  process.env["PYRO_HOME"] = paths.data;
  registry = await RegistryServer.start();
  pyro = new Pyro();
});
afterAll(async () => {
  const { workspaces } = await pyro.listWorkspaces();
  for (const { workspace_id } of workspaces) await pyro.deleteWorkspace({ workspace_id });
  await registry.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const run = (environment: string, command: string[]) => pyro.runInVm({ environment, command, timeout_seconds: 60 });
const sh = async (environment: string, script: string) => (await run(environment, ["sh", "-c", script])).stdout;

/** Of Debian's package musl-tools: compiles for musl, as Alpine's programs are. */
const MUSL_GCC = "/usr/bin/musl-gcc";
const MUSL = "/lib/x86_64-linux-musl/libc.so";

/** Says which C library it runs on. */
const program = `
#include <stdio.h>
#include <pwd.h>
int main(void) {
  struct passwd *root = getpwuid(0);
  return printf("%s runs on musl\\n", root ? root->pw_name : "nobody") < 0;
}
`;

/** A program that is linked to musl as a library. */
function compiled(): Buffer {
  const output = join(scratch, "program");
  execFileSync(MUSL_GCC, ["-x", "c", "-o", output, "-"], { input: program });
  return readFileSync(output);
}

describe.skipIf(isMissing)(`an image is run as it is${reason}`, () => {
  it("with its variables and search path, as root in /workspace, whatever else it asks for", async () => {
    const tool = file("opt/tools/hello", '#!/bin/sh\necho "hello $FOO"\n', 0o755);
    const config = {
      Env: ["PATH=/opt/tools:/bin", "FOO=a\nb", "LD_PRELOAD=/nowhere.so"],
      User: "65534:65534",
      WorkingDir: "/srv",
      Entrypoint: ["/bin/false"],
      Cmd: ["never"],
    };
    const name = push(registry, "team/tools:1", [busybox, layer(tool)], config);
    expect(await run(name, ["hello"])).toMatchObject({ exit_code: 0, stdout: "hello a\nb\n" });
    expect(await sh(name, "pwd; id; echo $HOME; echo $LD_PRELOAD")).toBe(
      "/workspace\nuid=0 gid=0\n/root\n/nowhere.so\n",
    );
    const { image } = await pyro.inspectEnvironment({ environment: name });
    expect(image).toMatchObject({
      user: "65534:65534",
      working_dir: "/srv",
      entrypoint: ["/bin/false"],
      cmd: ["never"],
    });
    expect(image?.layers).toHaveLength(2);
  });

  it("without /etc, /tmp, /root or anything but one directory of programs", async () => {
    const name = push(registry, "bare:1", [busybox], { Env: ["PATH=/bin"] });
    const script =
      "stat -c '%n %a %F' /etc /tmp /root /workspace; cat /etc/hostname; wc -c /etc/resolv.conf; touch /tmp/x /root/y";
    expect(await sh(name, script)).toMatch(
      /^\/etc 755 directory\n\/tmp 1777 directory\n\/root 700 directory\n\/workspace 755 directory\nvm-[0-9a-f]+\n0 \/etc\/resolv.conf\n$/,
    );
  });

  it("with links and files in the place of what a machine needs", async () => {
    const odd = layer(
      directory("etc"),
      link("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"),
      link("etc/machine-id", "/var/lib/nowhere/machine-id"),
      link("etc/hostname", "hosts"),
      file("etc/hosts", "10.0.0.7 db\n"),
      link("dev", "/bin"),
      link("workspace", "/etc"),
      link("tmp", "/var/tmp"),
      directory("var/tmp", 0o1777),
      file("root", "no directory"),
    );
    const name = push(registry, "odd:1", [busybox, odd], { Env: ["PATH=/bin"] });
    const script =
      "pwd; ls /workspace; cat /etc/hosts; wc -c /etc/machine-id; test -c /dev/null && cd /root && touch /tmp/x && ls /var/tmp";
    const said = await sh(name, script);
    expect(said).toContain("/workspace\n127.0.0.1 localhost vm-");
    expect(said).toContain("10.0.0.7 db\n33 /etc/machine-id\nx\n");
  });

  it("of one static program, with no shell: it runs, and a shell is refused with what to do", async () => {
    const name = push(registry, "distroless:1", [layer(file("busybox", readFileSync(BUSYBOX), 0o755))], {
      Entrypoint: ["/busybox"],
    });
    expect(await run(name, ["/busybox", "echo", "it runs"])).toMatchObject({ exit_code: 0, stdout: "it runs\n" });
    await expect(run(name, ["sh", "-c", "true"])).rejects.toMatchObject({ code: "command_not_found" });
    const { workspace_id } = await pyro.createWorkspace({ environment: name });
    expect((await pyro.execWorkspace({ workspace_id, command: ["/busybox", "pwd"] })).stdout).toBe("/workspace\n");
    await expect(pyro.openShell({ workspace_id })).rejects.toMatchObject({ code: "no_shell" });
    const service = { workspace_id, service_name: "web", command: ["/busybox", "sleep", "60"] };
    await expect(pyro.startService({ ...service, ready_command: "true" })).rejects.toMatchObject({ code: "no_shell" });
    await pyro.writeWorkspaceFile({ workspace_id, path: "a", text: "1" });
    await pyro.resetWorkspace({ workspace_id });
    expect((await pyro.listWorkspaceFiles({ workspace_id })).entries).toEqual([]);
    await pyro.deleteWorkspace({ workspace_id });
    expect(await pyro.prepare({ environment: name })).toMatchObject({ name, state: "warm" });
    const { environment } = await pyro.doctor({ environment: name });
    expect(environment).toMatchObject({ name, state: "warm" });
  });

  it.skipIf(!existsSync(MUSL_GCC))("of musl programs, as Alpine is (skipped without Debian's musl-tools)", async () => {
    const alpine = layer(
      directory("lib"),
      file("lib/ld-musl-x86_64.so.1", readFileSync(MUSL), 0o755),
      link("lib/libc.so", "ld-musl-x86_64.so.1"),
      directory("etc"),
      file("etc/passwd", "root:x:0:0:root:/root:/bin/ash\n"),
      file("usr/bin/says", compiled(), 0o755),
    );
    const name = push(registry, "alpine:1", [busybox, alpine]);
    expect(await run(name, ["says"])).toMatchObject({ exit_code: 0, stdout: "root runs on musl\n" });
  });
});

describe.skipIf(isMissing)(`a workspace of an image${reason}`, () => {
  it("is worked in, diffed, reset and exported, and keeps its image when the tag moves", async () => {
    const name = push(registry, "moving:1", [busybox, layer(file("etc/version", "one\n"))], { Env: ["PATH=/bin"] });
    await pyro.pullEnvironment({ environment: name });
    const { workspace_id, environment } = await pyro.createWorkspace({ environment: name });
    expect(environment).toBe(name);
    const version = async (id = workspace_id) =>
      (await pyro.execWorkspace({ workspace_id: id, command: ["cat", "/etc/version"] })).stdout;
    push(registry, "moving:1", [busybox, layer(file("etc/version", "two\n"))], { Env: ["PATH=/bin"] });
    expect(await pyro.pullEnvironment({ environment: name, force: true })).toMatchObject({ changed: true });
    await pyro.writeWorkspaceFile({ workspace_id, path: "dir/new", text: "new\n" });
    const { entries } = await pyro.diffWorkspace({ workspace_id });
    expect(entries).toMatchObject([{ path: "dir/new", status: "added" }]);
    await pyro.resetWorkspace({ workspace_id });
    expect(await version()).toBe("one\n");
    await pyro.stopWorkspace({ workspace_id });
    await pyro.pruneEnvironments();
    await pyro.startWorkspace({ workspace_id });
    expect(await version()).toBe("one\n");
    const later = await pyro.createWorkspace({ environment: name });
    expect(await version(later.workspace_id)).toBe("two\n");
    await pyro.writeWorkspaceFile({ workspace_id, path: "out", text: "out\n" });
    const output = join(scratch, "out");
    await pyro.exportWorkspace({ workspace_id, path: "out", output });
    expect(readFileSync(output, "utf8")).toBe("out\n");
    for (const id of [workspace_id, later.workspace_id]) await pyro.deleteWorkspace({ workspace_id: id });
  });

  it("has the shell that the image has", async () => {
    const name = push(registry, "shell:1", [busybox], { Env: ["PATH=/bin"] });
    const { workspace_id } = await pyro.createWorkspace({ environment: name });
    const { shell_id, program } = await pyro.openShell({ workspace_id });
    expect(program).toBe("/bin/sh -i");
    await pyro.writeShell({ workspace_id, shell_id, input: "echo in-$((40+2)); exit" });
    const read = async () => (await pyro.readShell({ workspace_id, shell_id, wait_for_idle_ms: 300 })).output;
    await expect.poll(read, { timeout: 20_000 }).toContain("in-42");
    await pyro.deleteWorkspace({ workspace_id });
  });

  it("is started from an image that was damaged only after a pull has repaired it", async () => {
    const name = push(registry, "damaged:1", [busybox, layer(file("etc/x", "x"))], { Env: ["PATH=/bin"] });
    const { digest } = await pyro.pullEnvironment({ environment: name });
    rmSync(paths.image((digest ?? "").slice("sha256:".length)));
    expect((await pyro.inspectEnvironment({ environment: name }).catch((thrown) => thrown.code)) as string).toBe(
      "environment_not_installed",
    );
    expect(await pyro.pullEnvironment({ environment: name })).toMatchObject({ changed: true, digest });
    expect(await run(name, ["cat", "/etc/x"])).toMatchObject({ stdout: "x" });
  });
});

describe.skipIf(isMissing)(`what is pruned${reason}`, () => {
  it("is the image that nobody uses, with its layers and template, and its bytes are counted", async () => {
    const name = push(registry, "idle:1", [busybox, layer(file("idle", "idle"))], { Env: ["PATH=/bin"] });
    await run(name, ["true"]);
    const { removed, freed_bytes } = await pyro.pruneEnvironments();
    expect(freed_bytes).toBe(removed.reduce((sum, { size_bytes }) => sum + size_bytes, 0));
    const { environments } = await pyro.listEnvironments();
    expect(environments.map(({ name: listed }) => listed)).toEqual(["debian:12", "debian:12-base", "debian:12-build"]);
  });
});
