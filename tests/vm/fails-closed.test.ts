/** Where a machine cannot start, `run` says what is missing and how to mend it, and never falls back to the host. */
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, cpSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/platform/package-root.ts";
import { cli, pyroProgram } from "../support/cli.ts";
import { copiedHome } from "../support/copied-home.ts";
import { filesBelow } from "../support/leftovers.ts";

const isRoot = process.getuid?.() === 0;
const command = ["run", "debian:12", "--json", "--", "true"];
const offline = {
  PYRO_DEBIAN_MIRROR: "http://127.0.0.1:9/debian",
  PYRO_DEBIAN_SECURITY_MIRROR: "http://127.0.0.1:9/security",
};
let scratch = "";

/** Runs a command line where `script` has changed what the machine has, in a mount namespace of its own. */
function inAlteredHost(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const quoted = [pyroProgram, ...args].map((word) => `'${word}'`).join(" ");
  const { status, stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", `${script}; exec ${quoted}`], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr, error: stdout.startsWith("{") ? JSON.parse(stdout).error : undefined };
}

describe("pyro run fails closed", () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "pyro-test-"));
    expect(await cli(["run", "debian:12", "--", "true"])).toMatchObject({ status: 0 });
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it.runIf(isRoot).each([
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["bwrap", "bubblewrap"],
  ])("without %s", (program, debianPackage) => {
    const result = inAlteredHost(`mount --bind /dev/null /usr/bin/${program}`, command);
    expect(result.status).toBe(125);
    expect(result.error).toMatchObject({
      code: "host_program_missing",
      hint: expect.stringContaining(`apt-get install`),
    });
    expect(result.error.hint).toContain(debianPackage);
  });

  it.runIf(isRoot).each([
    // It says a version, runs in the cage, and does not know what it is asked for.
    ["that ends at once", "/usr/bin/qemu-img", "vm_start_failed"],
    ["that does not say its version", "/bin/false", "host_unsupported"],
  ])("with a QEMU %s", (_, program, code) => {
    const script = `mount --bind ${program} /usr/bin/qemu-system-x86_64`;
    const result = inAlteredHost(script, command, { PYRO_ACCEL: "tcg" });
    expect(result.status).toBe(125);
    expect(result.error).toMatchObject({ code });
  });

  it("without the guest agent", () => {
    const copy = join(scratch, "package");
    mkdirSync(copy);
    for (const name of ["bin", "package.json"])
      cpSync(join(packageRoot(), name), join(copy, name), { recursive: true });
    mkdirSync(join(copy, "dist"));
    for (const name of ["cli.js", "chunks"]) {
      cpSync(join(packageRoot(), "dist", name), join(copy, "dist", name), { recursive: true });
    }
    const { status, stdout } = spawnSync(join(copy, "bin/pyro"), command, { encoding: "utf8" });
    expect(status).toBe(125);
    expect(JSON.parse(stdout).error).toMatchObject({ code: "agent_missing" });
  });

  it.each([
    ["kernel", (home: string) => onlyFile(join(home, "cache/kernels"), /vmlinu[xz]/)],
    ["root image", (home: string) => join(home, "cache/images")],
  ])("with one bit of its %s flipped and no archive to mend it", async (_, find) => {
    const home = (await copiedHome(scratch)).data;
    for (const file of filesOf(find(home))) flipBit(file);
    const result = await cli(command, { env: { PYRO_HOME: home, ...offline } });
    expect(result.status).toBe(125);
    expect(["archive_unreachable", "environment_damaged"]).toContain(JSON.parse(result.stdout).error.code);
  });

  it("with one bit of its initramfs flipped it makes a new one", async () => {
    const home = (await copiedHome(scratch)).data;
    for (const file of filesOf(join(home, "cache/initramfs")).filter((name) => name.endsWith(".cpio"))) flipBit(file);
    expect(await cli(command, { env: { PYRO_HOME: home, ...offline } })).toMatchObject({ status: 0 });
  });

  it("runs with a warm cache when the archive cannot be reached", async () => {
    expect(await cli(command, { env: { PYRO_HOME: (await copiedHome(scratch)).data, ...offline } })).toMatchObject({
      status: 0,
    });
  });

  it("with a cold cache when the archive cannot be reached", async () => {
    const home = mkdtempSync(join(scratch, "home-"));
    const result = await cli(command, { env: { PYRO_HOME: home, ...offline } });
    expect(result.status).toBe(125);
    expect(JSON.parse(result.stdout).error).toMatchObject({ code: "archive_unreachable" });
    expect(filesBelow(join(home, "cache", "images"))).toEqual([]);
    expect(filesBelow(join(home, "cache", "building"))).toEqual([]);
  });

  it.runIf(isRoot)("on a full disk", () => {
    const home = join(scratch, "full");
    mkdirSync(home);
    const fill = `mount -t tmpfs -o size=1m,mode=0700 full ${home}; head -c 1100000 /dev/zero > ${home}/fill`;
    const result = inAlteredHost(fill, command, { PYRO_HOME: home });
    expect(result.status).toBe(125);
    expect(result.error).toMatchObject({ code: "host_disk_full" });
  });

  it.runIf(isRoot)("with a cache that cannot be written", () => {
    const home = join(scratch, "readonly");
    mkdirSync(home);
    const result = inAlteredHost(`mount -t tmpfs -o ro,mode=0700 readonly ${home}`, command, { PYRO_HOME: home });
    expect(result.status).toBe(125);
    expect(result.error).toMatchObject({ code: "cache_not_writable" });
  });

  it("with a state directory that others can write", async () => {
    const home = mkdtempSync(join(scratch, "home-"));
    mkdirSync(join(home, "cache"));
    chmodSync(join(home, "cache"), 0o777);
    const result = await cli(command, { env: { PYRO_HOME: home } });
    expect(result.status).toBe(125);
    expect(JSON.parse(result.stdout).error).toMatchObject({ code: "state_dir_unsafe" });
  });

  it("where KVM is demanded and not usable, and says so", async () => {
    const { stdout } = await cli(["doctor", "--json"]);
    const usable = JSON.parse(stdout).execution_mode === "guest_kvm";
    const result = await cli(command, { env: { PYRO_ACCEL: "kvm" } });
    if (usable) expect(JSON.parse(result.stdout).execution_mode).toBe("guest_kvm");
    else expect(JSON.parse(result.stdout).error).toMatchObject({ code: "kvm_unavailable" });
  });
});

function filesOf(path: string): string[] {
  return statSync(path).isFile() ? [path] : filesBelow(path).map((name) => join(path, name));
}

function onlyFile(directory: string, pattern: RegExp): string {
  const name = filesBelow(directory).find((file) => pattern.test(file));
  if (name === undefined) throw new Error(`no ${pattern} below ${directory}`);
  return join(directory, name);
}

function flipBit(path: string): void {
  chmodSync(path, 0o600);
  const file = openSync(path, "r+");
  writeSync(file, Buffer.from([0x5a]), 0, 1, Math.floor(statSync(path).size / 2));
  closeSync(file);
}
