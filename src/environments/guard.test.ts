/** Guarded builds leave neither process nor file, however they end. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../tests/support/bundle.ts";
import { namelessFile } from "../platform/files.ts";
import { runProgram } from "../platform/programs.ts";
import { type GuardedBuild, runGuarded } from "./guard.ts";

let directory: string;
let builder: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pyro-guard-"));
  builder = await bundle("tests/support/guarded-build.ts");
}, 30_000);
afterAll(() => {
  rmSync(directory, { recursive: true });
  rmSync(dirname(builder), { recursive: true });
});

const build = (script: string, more: Partial<GuardedBuild> = {}) =>
  runGuarded({ script: `build() { ${script}\n}`, args: [], scratch_mib: 16, ...more });

/** Processes on the host whose command line holds this word. */
async function processesWith(word: string): Promise<string[]> {
  const { stdout } = await runProgram("/bin/ps", ["-eo", "stat=,args="]);
  return stdout.split("\n").filter((line) => line.includes(word) && !line.startsWith("Z"));
}

async function until(claim: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (await claim()) return true;
  return claim();
}

describe("a guarded build", () => {
  it("gives its status, log, marks and output", async () => {
    const marks: string[] = [];
    let output = "";
    const result = await build('echo out "$1"; echo log >&2; echo "pyro: count 3" >&2; pwd >&2; id -u >&2; return 7', {
      args: ["a b"],
      onMark: (words) => void marks.push(words),
      onOutput: async (stream) => {
        for await (const chunk of stream) output += chunk;
      },
    });
    expect(result).toMatchObject({ exit_code: 7, log: ["log", "/tmp/work", "0"] });
    expect(marks).toEqual(["count 3"]);
    expect(output).toBe("out a b\n");
  });

  it("writes to a descriptor that it is given", async () => {
    const file = namelessFile(directory);
    await build("echo content > /proc/self/fd/3", { fds: [file.fd] });
    expect(file.readAll().toString()).toBe("content\n");
    file.close();
  });

  it("leaves nothing of its scratch in memory or on disk", async () => {
    const scratch_directory = join(directory, "scratch");
    for (const more of [{}, { scratch_directory }]) {
      const result = await build(
        "mkdir -p a/b && echo x > a/b/c && mkdir m && mount -t tmpfs t m && echo y > m/z; ls >&2",
        more,
      );
      expect(result).toMatchObject({ exit_code: 0, log: ["a", "m"] });
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it("is gone at once when cancelled", async () => {
    const abort = new AbortController();
    const scratch_directory = join(directory, "cancelled");
    const running = build("echo up >&2; setsid sleep 7411 & sleep 7411", {
      signal: abort.signal,
      scratch_directory,
      onLine: () => abort.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect(await until(async () => (await processesWith("sleep 7411")).length === 0, 2000)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(["memory", "disk"])("is gone when this process is killed, with its scratch in %s", async (kind) => {
    const scratch = join(directory, "killed");
    const child = spawn(process.execPath, [builder, kind === "disk" ? scratch : ""], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(await processesWith("sleep 7412")).not.toEqual([]);
    expect(existsSync(scratch)).toBe(kind === "disk");
    child.kill("SIGKILL");
    const gone = async () => (await processesWith("sleep 7412")).length === 0 && !existsSync(scratch);
    expect(await until(gone, 2000)).toBe(true);
  });

  it("never reaches the files around its scratch", async () => {
    const kept = join(directory, "kept");
    mkdirSync(join(kept, "inside"), { recursive: true });
    chmodSync(kept, 0o755);
    await build('mkdir m && mount --bind "$1" m', { args: [kept], scratch_directory: join(directory, "bound") });
    expect(readdirSync(kept)).toEqual(["inside"]);
    expect(readdirSync(directory)).toEqual(["kept"]);
  });
});
