/** A child under its supervisor: it ends as it ended, has its descriptors to itself, and leaves nothing that it started. */
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { descendants, type ProcessIdentity, survivors, untilEmpty } from "../../tests/support/leftovers.ts";
import { patience } from "../../tests/support/patience.ts";
import { type Child, type ChildFile, startChild } from "./child.ts";
import { packageRoot } from "./package-root.ts";
import { killProcess, pssKib } from "./process-facts.ts";

const launcher = join(packageRoot(), "dist/guest/pyro-agent");
const started: Child[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill();
    await child.ended;
  }
});

function start(program: string, args: readonly string[], files: readonly ChildFile[] = []): Child {
  const child = startChild({ launcher, program, args, files });
  started.push(child);
  return child;
}

const script = (text: string, files: readonly ChildFile[] = []) => start("/bin/sh", ["-c", text], files);

/** All that runs below the supervisor, once the program has said something. */
async function begun(child: Child): Promise<ProcessIdentity[]> {
  await once(child.stdout, "data");
  return descendants(child.pid ?? 0);
}

const gone = (processes: readonly ProcessIdentity[], within_ms = 1_000 * patience) =>
  untilEmpty(() => survivors(processes), within_ms);

describe("the end of a child", () => {
  it.each([0, 1, 7, 125, 255])("is its exit code %i", async (code) => {
    expect(await script(`exit ${code}`).ended).toEqual({ exit_code: code, signal: null });
  });

  it.each(["SIGTERM", "SIGKILL", "SIGPIPE", "SIGSEGV", "SIGABRT"])("is its signal %s", async (signal) => {
    expect(await script(`kill -${signal.slice(3)} $$`).ended).toEqual({ exit_code: null, signal });
  });

  it("is 2 and a word about it where the program is not there", async () => {
    const child = start("/nowhere/at-all", []);
    const said = text(child.stderr);
    expect(await child.ended).toEqual({ exit_code: 2, signal: null });
    expect(await said).toMatch(/^pyro-agent: \/nowhere\/at-all: /);
  });

  it("is an error where the supervisor is not there", async () => {
    const child = startChild({ launcher: "/nowhere/at-all", program: "/bin/true", args: [], files: [] });
    expect(await child.ended).toMatchObject({ error: { code: "ENOENT" } });
    child.kill();
  });

  it("is also that of what it had started, in sessions of their own", async () => {
    const child = script("setsid -f sleep 600; setsid -f sleep 600; echo ready; read never; read never <&3", [
      "stream",
    ]);
    const below = await begun(child);
    expect(below).toHaveLength(3);
    child.stream(3).end("\n");
    expect(await child.ended).toMatchObject({ signal: null });
    expect(survivors(below)).toEqual([]);
  });
});

describe("the descriptors of a child", () => {
  it("are those it was given, its input is empty", async () => {
    const child = script("cat; echo /proc/self/fd/*", ["stream", undefined]);
    const [said] = await once(child.stdout, "data");
    const numbers = String(said).match(/\d+/g)?.map(Number);
    // The shell may see the descriptor by which it lists them.
    expect(numbers?.filter((number) => number !== 5)).toEqual([0, 1, 2, 3, 4]);
  });

  it("are its own alone: what it closes is closed", async () => {
    const child = script("exec 1>&- 2>&- 3>&-; exec sleep 600", ["stream"]);
    const closed = [child.stdout.resume(), child.stderr.resume(), child.stream(3).resume()].map((one) =>
      once(one, "end"),
    );
    await Promise.all(closed);
    expect(survivors(descendants(child.pid ?? 0))).toHaveLength(1);
  });
});

describe("killing a child", () => {
  it("leaves nothing that it started, whoever that belongs to by then", async () => {
    const child = script('setsid -f sh -c "setsid -f sleep 600; sleep 600"; trap "" TERM HUP; echo ready; sleep 600');
    const below = await begun(child);
    child.kill();
    expect(await child.ended).toEqual({ exit_code: null, signal: "SIGKILL" });
    expect(survivors(below)).toEqual([]);
  });

  it("twice, or after its end, does nothing more", async () => {
    const child = script("exit 3");
    await child.ended;
    child.kill();
    child.kill();
    expect(await child.ended).toEqual({ exit_code: 3, signal: null });
  });

  it("has an end where its supervisor has stopped", async () => {
    const child = script("echo ready; exec sleep 600");
    const below = await begun(child);
    process.kill(child.pid ?? 0, "SIGSTOP");
    child.kill();
    await child.ended;
    expect(await gone(below)).toEqual([]);
  });
});

describe("a supervisor", () => {
  it("that is killed takes the child along", async () => {
    const child = script("echo ready; exec sleep 600");
    const below = await begun(child);
    killProcess(child.pid ?? 0);
    expect(await child.ended).toEqual({ exit_code: null, signal: "SIGKILL" });
    expect(await gone(below)).toEqual([]);
  });

  it("takes less than 1 MiB", async () => {
    const child = script("echo ready; exec sleep 600");
    await begun(child);
    await vi.waitFor(() => expect(pssKib(child.pid ?? 0)).toBeLessThan(1_024));
  });
});
