/** One guest under load and in trouble: many commands at once, a slow reader, a panic, a reboot. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import { createEngine } from "../../src/engine.ts";
import { Environments } from "../../src/environments/environments.ts";
import { methodsOver } from "../../src/sdk/pyro.ts";
import { statePaths } from "../../src/store/paths.ts";
import { version } from "../../src/version.ts";
import { GuestSource } from "../../src/workspaces/guest-source.ts";
import { MachineSession } from "../../src/workspaces/session.ts";

const signal = new AbortController().signal;
const shape = { environment: "debian:12", vcpu_count: 1, mem_mib: 1024 };
const paths = statePaths();
const source = new GuestSource(paths, new Environments({ paths, env: process.env, pyro_version: version }), undefined);
const pyro = methodsOver(createEngine());

async function withGuest<T>(use: (session: MachineSession) => Promise<T>): Promise<T> {
  const session = await MachineSession.begin(
    await source.open(shape, { signal, emit: () => {} }),
    "guest-test",
    signal,
  );
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

describe("one guest", () => {
  it("runs 64 commands at once that do not disturb one another", async () => {
    await withGuest(async (session) => {
      const one = async (number: number) => {
        const hash = createHash("sha256");
        const script = `yes ${number} | head -c 262144; exit ${number}`;
        const ended = await session.exec({
          argv: ["sh", "-c", script],
          timeout_ms: 120_000,
          stdin: undefined,
          signal,
          onOutput: (_, data) => void hash.update(data),
        });
        expect(ended.exit_code).toBe(number);
        expect(hash.digest("hex")).toBe(
          createHash("sha256")
            .update(repeated(`${number}\n`, 262_144))
            .digest("hex"),
        );
      };
      await Promise.all(Array.from({ length: 64 }, (_, number) => one(number)));
    });
  });

  it("holds host memory flat while 1 GiB goes through a slow reader", async () => {
    await withGuest(async (session) => {
      const before = process.memoryUsage.rss();
      let highest = before;
      let bytes = 0;
      let nextPause = 0;
      const ended = await session.exec({
        argv: ["head", "-c", "1073741824", "/dev/zero"],
        timeout_ms: 600_000,
        stdin: undefined,
        signal,
        onOutput: async (_, data) => {
          bytes += data.length;
          highest = Math.max(highest, process.memoryUsage.rss());
          if (bytes < nextPause) return;
          nextPause += 16 * 1_048_576;
          await new Promise((resolve) => setTimeout(resolve, 20));
        },
      });
      expect(ended.exit_code).toBe(0);
      expect(bytes).toBe(1_073_741_824);
      expect(highest - before).toBeLessThan(96 * 1_048_576);
    });
  });

  it.each([
    ["panics", "c", { reason: "guest_panic" }, /panicked/],
    ["is reset", "b", { reason: "guest_exit", cause: "guest-reset" }, /CPU was reset/],
    ["powers off", "o", { reason: "guest_exit", cause: "guest-shutdown" }, /powered itself off/],
  ])("that %s ends its command with the reason", async (_, key, details, message) => {
    const script = `echo ${key} > /proc/sysrq-trigger; sleep 60`;
    const started = performance.now();
    const lost = pyro.runInVm({ environment: "debian:12", command: ["sh", "-c", script], timeout_seconds: 60 });
    await expect(lost).rejects.toMatchObject({ code: "guest_lost", details, message: expect.stringMatching(message) });
    expect(performance.now() - started).toBeLessThan(40_000);
  });

  it("has no network card and resolves nothing", async () => {
    const { stdout } = await pyro.runInVm({ environment: "debian:12", command: ["ls", "/sys/class/net"] });
    expect(stdout.trim()).toBe("lo");
  });

  it("has the shape it was asked for, and a root that is its own", async () => {
    const script =
      "nproc; grep MemTotal /proc/meminfo; touch /usr/bin/mine && rm -rf /etc && mkdir /etc && echo written";
    const input = { environment: "debian:12", command: ["sh", "-c", script], vcpu_count: 2, mem_mib: 512 };
    const { stdout } = await pyro.runInVm(input);
    const [cpus, memory, written] = stdout.split("\n");
    expect(cpus).toBe("2");
    expect(Number(/\d+/.exec(memory ?? "")?.[0])).toBeLessThan(512 * 1024);
    expect(Number(/\d+/.exec(memory ?? "")?.[0])).toBeGreaterThan(400 * 1024);
    expect(written).toBe("written");
    const again = await pyro.runInVm({ environment: "debian:12", command: ["ls", "/usr/bin/mine", "/etc/passwd"] });
    expect(again.stdout).toBe("/etc/passwd\n");
  });

  it("keeps the host's clock", async () => {
    const { stdout } = await pyro.runInVm({ environment: "debian:12", command: ["date", "+%s%N"] });
    expect(Math.abs(Number(stdout) / 1e6 - Date.now())).toBeLessThan(3000);
  });

  it("refuses what it cannot give with a typed error", async () => {
    const refused = await pyro
      .runInVm({ environment: "debian:12", command: ["a\0b"] })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PyroError);
    expect(refused).toMatchObject({ code: "invalid_input" });
  });
});

function repeated(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length)).slice(0, length);
}
