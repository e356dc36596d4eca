/** Files: nameless publishing, records, private directories, and what errno becomes. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { bundle } from "../../tests/support/bundle.ts";
import {
  atomicWrite,
  checkPrivateDirectory,
  ioError,
  linkNameless,
  makePrivateDirectory,
  namelessFile,
  openReadOnly,
  readJson,
} from "./files.ts";
import { runProgram } from "./programs.ts";

const uid = process.getuid?.() ?? 0;
let directory: string;
let publisher: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pyro-files-"));
  publisher = await bundle("tests/support/publish-file.ts");
}, 30_000);

afterAll(() => {
  rmSync(directory, { recursive: true });
  rmSync(join(publisher, ".."), { recursive: true });
});

function fresh(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
}

/** Runs the publisher as root of a mount namespace whose /mnt is what `mount` makes of it. */
async function inNamespace(mount: string, bytes: number): Promise<string> {
  const script = `${mount} && "$0" "$1" /mnt ${bytes}; ls -A /mnt`;
  const args = [...(uid === 0 ? ["-m"] : ["-Urm"]), "/bin/sh", "-c", script, process.execPath, publisher];
  return (await runProgram("/usr/bin/unshare", args)).stdout;
}

describe("nameless files", () => {
  it("get their name and content in one step", async () => {
    const home = fresh("link");
    const file = namelessFile(home);
    file.write(Buffer.from("whole"));
    expect(readdirSync(home)).toEqual([]);
    await linkNameless(file, join(home, "named"));
    file.close();
    expect(readFileSync(join(home, "named"), "utf8")).toBe("whole");
    expect(readdirSync(home)).toEqual(["named"]);
  });

  it("refuse a name that is taken", async () => {
    const home = fresh("taken");
    writeFileSync(join(home, "named"), "old");
    const file = namelessFile(home);
    await expect(linkNameless(file, join(home, "named"))).rejects.toMatchObject({ code: "host_io_failed" });
    file.close();
    expect(readFileSync(join(home, "named"), "utf8")).toBe("old");
  });

  it("leave nothing when their process is killed halfway", async () => {
    const home = fresh("killed");
    const child = spawn(process.execPath, [publisher, home, "1000000", "wait"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    expect(readdirSync(home)).toEqual([]);
  });

  it("give a typed error on a full disk and leave nothing", async () => {
    const output = await inNamespace("mount -t tmpfs -o size=256k tmpfs /mnt", 1_000_000);
    expect(output).toContain('"code":"host_disk_full"');
    expect(output).toContain("/mnt");
    expect(output.trim().split("\n")).toHaveLength(1);
  });

  it("leave no temporary file of a record that does not fit", async () => {
    const output = await inNamespace("mount -t tmpfs -o size=256k tmpfs /mnt", 160_000);
    expect(output.trim().split("\n")).toEqual([expect.stringContaining('"code":"host_disk_full"'), "published"]);
  });

  it("give a typed error on a read-only file system", async () => {
    const output = await inNamespace("mount -t tmpfs -o ro tmpfs /mnt", 10);
    expect(output).toContain('"code":"cache_not_writable"');
  });
});

describe("records", () => {
  const schema = z.strictObject({ size: z.int() });

  it("are replaced whole, readable by us alone", () => {
    const home = fresh("atomic");
    const path = join(home, "record.json");
    atomicWrite(path, '{"size":1}');
    atomicWrite(path, '{"size":2}');
    expect(readJson(path, schema)).toEqual({ state: "whole", value: { size: 2 } });
    expect(readdirSync(home)).toEqual(["record.json"]);
  });

  it.each([
    ["empty", ""],
    ["all NUL", "\0\0\0"],
    ["cut off", '{"size":'],
    ["of another shape", '{"size":"1"}'],
  ])("are damaged when %s", (name, content) => {
    const path = join(directory, `damaged-${name}`);
    writeFileSync(path, content);
    expect(readJson(path, schema)).toMatchObject({ state: "damaged", reason: expect.any(String) });
  });

  it("are absent when there is no file", () => {
    expect(readJson(join(directory, "nowhere"), schema)).toEqual({ state: "absent" });
  });
});

describe("directories of ours", () => {
  it("are made for us alone, whatever the umask", () => {
    const path = join(directory, "made", "deep");
    const mask = process.umask(0);
    try {
      makePrivateDirectory(path, uid);
    } finally {
      process.umask(mask);
    }
    expect(checkPrivateDirectory(path, uid)).toBe(true);
  });

  it("are refused as symlink, as a file, open to others, or of another user", () => {
    const target = fresh("target");
    symlinkSync(target, join(directory, "symlink"));
    writeFileSync(join(directory, "file"), "");
    const open = fresh("open");
    chmodSync(open, 0o777);
    for (const path of [join(directory, "symlink"), join(directory, "file"), open])
      expect(() => makePrivateDirectory(path, uid)).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
    expect(() => checkPrivateDirectory(target, uid + 1)).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
  });
});

describe("opening", () => {
  it("does not follow a symlink at the end", () => {
    const path = join(directory, "secret-link");
    symlinkSync("/etc/hostname", path);
    expect(() => openReadOnly(path)).toThrow(expect.objectContaining({ code: "host_io_failed" }));
  });

  it("names the path and the cause", () => {
    const cause = Object.assign(new Error("EDQUOT: quota"), { code: "EDQUOT" });
    expect(ioError(cause, "write", "/a/b")).toMatchObject({
      code: "host_disk_full",
      message: 'cannot write "/a/b": EDQUOT: quota',
    });
  });
});
