/** Environments built from the real archive, by root and by an ordinary user, and what is left when that is disturbed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";

const offline = process.env["PYRO_TEST_OFFLINE"] === "1";
const isRoot = process.getuid?.() === 0;
const NAME = "debian:12-base";
const unreachable = { PYRO_DEBIAN_MIRROR: "http://127.0.0.1:9/debian" };
/** Name and subordinate ids of the user that root makes for these tests. */
const USER = "pyro-env-test";
const SUBORDINATE = "1200000000-1200065535";

let program: string;
let directory: string;

beforeAll(async () => {
  program = await bundle("tests/support/pull-environment.ts");
  directory = mkdtempSync(join(tmpdir(), "pyro-vm-environments-"));
  chmodSync(directory, 0o755);
  chmodSync(dirname(program), 0o755);
});
afterAll(() => {
  rmSync(dirname(program), { recursive: true });
  rmSync(directory, { recursive: true });
});

interface Line {
  readonly stage?: string;
  readonly result?: { readonly digest: string; readonly changed: boolean; readonly installed: boolean };
  readonly error?: { readonly code: string; readonly message: string; readonly details: Record<string, unknown> };
}

interface Pull {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly ended: Promise<Line>;
}

interface PullOptions {
  readonly env?: Record<string, string>;
  readonly as?: string;
  readonly abort_ms?: number;
}

function startPull(home: string, options: PullOptions = {}): Pull {
  const args = [program, home, NAME, ...(options.abort_ms === undefined ? [] : [String(options.abort_ms)])];
  const as =
    options.as === undefined ? [] : ["setpriv", `--reuid=${options.as}`, `--regid=${options.as}`, "--init-groups"];
  const [file = "", ...rest] = [...as, process.execPath, ...args];
  const env = { PATH: "/usr/bin:/bin", ...options.env };
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "inherit"], env, cwd: "/" });
  const lines: Line[] = [];
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk;
    const parts = text.split("\n");
    text = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  const ended = new Promise<Line>((resolve) => child.once("close", () => resolve(lines.at(-1) ?? {})));
  return { child, lines, ended };
}

const pull = (home: string, options?: PullOptions): Promise<Line> => startPull(home, options).ended;

async function until(claim: () => boolean, limitMs: number): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (claim()) return true;
  return claim();
}

/** Names under a home, without locks, which stay. */
function filesIn(home: string): string[] {
  const { stdout } = spawnSync("find", [home, "-type", "f", "-not", "-path", "*/locks/*"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}

/** Processes of any build on this machine. */
function buildProcesses(): string[] {
  const { stdout } = spawnSync("ps", ["-eo", "stat=,args="], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => /pyro-build|mmdebstrap|sqfstar/.test(line) && !line.startsWith("Z"));
}

const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("mmdebstrap"));

function disturbances(as: string | undefined, homeOf: (name: string) => string): void {
  it.each([300, 2500, 6000])("killed after %d ms leaves no process and no file", async (delay) => {
    const home = homeOf(`killed-${delay}`);
    const running = startPull(home, as === undefined ? {} : { as });
    await new Promise((resolve) => setTimeout(resolve, delay));
    running.child.kill("SIGKILL");
    await running.ended;
    expect(await until(() => buildProcesses().length === 0, 2000)).toBe(true);
    expect(filesIn(home)).toEqual([]);
    expect(temporary()).toEqual([]);
  });

  it("cancelled says so and leaves no process and no file", async () => {
    const home = homeOf("cancelled");
    const { error } = await pull(home, { abort_ms: 3000, ...(as !== undefined && { as }) });
    expect(error?.code).toBe("cancelled");
    expect(buildProcesses()).toEqual([]);
    expect(filesIn(home)).toEqual([]);
  });
}

describe.skipIf(offline)("an environment from the archive (skipped with PYRO_TEST_OFFLINE=1)", () => {
  let digest: string | undefined;

  const homeOf = (name: string): string => join(directory, name);

  it("is built once when two pull at the same time, and the second one says that it waits", async () => {
    const first = startPull(homeOf("shared"));
    await until(() => first.lines.length > 0, 20_000);
    const second = startPull(homeOf("shared"));
    const [one, other] = await Promise.all([first.ended, second.ended]);
    expect(one.result).toMatchObject({ installed: true, changed: true });
    expect(other.result?.digest).toBe(one.result?.digest);
    expect(second.lines[0]?.stage).toBe("waiting");
    expect(second.lines.some((line) => line.stage === "compressing")).toBe(false);
    expect(first.lines.map((line) => line.stage)).toEqual(
      expect.arrayContaining(["updating", "downloading", "unpacking", "configuring", "compressing"]),
    );
    digest = one.result?.digest;
  });

  it("is there at once afterwards, with the archive out of reach", async () => {
    const started = Date.now();
    const { result } = await pull(homeOf("shared"), { env: unreachable });
    expect(result).toMatchObject({ digest, changed: false });
    expect(Date.now() - started).toBeLessThan(3000);
  });

  it("is built again, with the same digest, when its image is cut off", async () => {
    const [image = ""] = filesIn(homeOf("shared")).filter((path) => path.endsWith(".squashfs"));
    chmodSync(image, 0o600);
    truncateSync(image, 1_000_000);
    const { error } = await pull(homeOf("shared"), { env: unreachable });
    expect(error?.code).toBe("archive_unreachable");
    expect((await pull(homeOf("shared"))).result).toMatchObject({ digest, changed: true });
    expect((await pull(homeOf("shared"), { env: unreachable })).result).toMatchObject({ digest, changed: false });
  });

  it("is a typed error, with address and cause, when the archive cannot be reached", async () => {
    const { error } = await pull(homeOf("unreachable"), { env: unreachable });
    expect(error).toMatchObject({ code: "archive_unreachable", message: expect.stringContaining("refused") });
    expect(error?.message).toContain("http://127.0.0.1:9/debian");
    expect(filesIn(homeOf("unreachable"))).toEqual([]);
  });

  it.skipIf(!isRoot)("is a typed error on a full disk, and nothing of it stays (root mounts a small one)", () => {
    const mount = homeOf("full");
    mkdirSync(mount);
    const script =
      'mount -t tmpfs -o size=20m,mode=700 full "$1" && "$2" "$3" "$1/home" "$4" && find "$1" -name "*.squashfs"';
    const args = ["-m", "sh", "-c", script, "sh", mount, process.execPath, program, NAME];
    const { stdout } = spawnSync("unshare", args, { encoding: "utf8" });
    const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Line;
    expect(last.error?.code).toBe("host_disk_full");
  });

  disturbances(undefined, homeOf);

  describe.skipIf(!isRoot)("pulled by an ordinary user (skipped unless root can make one)", () => {
    const userHomeOf = (name: string): string => join(directory, "user", name);

    beforeAll(() => {
      spawnSync("useradd", ["--no-create-home", "--shell", "/bin/false", USER]);
      spawnSync("usermod", ["--add-subuids", SUBORDINATE, "--add-subgids", SUBORDINATE, USER]);
      const { stdout } = spawnSync("id", ["-u", USER], { encoding: "utf8" });
      mkdirSync(join(directory, "user"));
      chownSync(join(directory, "user"), Number(stdout), Number(stdout));
    });
    afterAll(() => void spawnSync("userdel", [USER]));

    it("is the same image as root's", async () => {
      expect((await pull(userHomeOf("own"), { as: USER })).result).toMatchObject({ digest, changed: true });
    });

    disturbances(USER, userHomeOf);
  });
});
