/** Machines that are restored from one template are strangers to one another: no secret, name, time, disk or memory is shared. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import { openReadOnly } from "../../src/platform/files.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { diskSerial } from "../../src/vmm/machine.ts";
import { restoreQemu } from "../../src/vmm/qemu.ts";
import { templateKey } from "../../src/vmm/template-origin.ts";
import { withMachineFiles } from "../../src/workspaces/guest-parts.ts";
import type { OpenMachine } from "../../src/workspaces/machine-source.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { type Guests, guestsOf, printed, quiet, SHAPE, withSession } from "../support/guests.ts";
import { patience } from "../support/patience.ts";

const CLONES = 16;
/** One after the other where all is slow, as in the emulated machine of `make test-kvm` (docs/design/kvm.md). */
const AT_ONCE = patience > 1 ? 1 : 4;
/** How many clones may be lost to a reset of their CPU, in all: only the emulated processor of that machine does that. */
const LOSSES = patience > 1 ? 4 : 0;
const CLOCK_MS = 500;
const GIB = 1_073_741_824;

let scratch = "";
let paths: StatePaths;
let guests: Guests;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-strangers-"));
  paths = await copiedHome(scratch);
  guests = guestsOf(paths);
  await guests.pyro.runInVm({ environment: ENVIRONMENT, command: ["true"] });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Values that a Python program draws, a line each: from its kernel, its own generators, and a TLS client's first message. */
const python = `
import ctypes, os, random, secrets, ssl, uuid
sent = ssl.MemoryBIO()
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), sent, server_hostname="pyro.test")
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = sent.read()
number = lambda at: int.from_bytes(hello[at:at + 2], "big")
at = 44 + hello[43]
at += 2 + number(at)
at += 1 + hello[at] + 2
extensions = {}
while at < len(hello):
    extensions[number(at)] = hello[at + 4:at + 4 + number(at + 2)].hex()
    at += 4 + number(at + 2)
getauxval = ctypes.CDLL(None).getauxval
getauxval.restype = ctypes.c_void_p
print("tls_random", hello[11:43].hex())
print("tls_session", hello[44:44 + hello[43]].hex())
print("tls_key_share", extensions[51])
print("at_random", ctypes.string_at(getauxval(25), 16).hex())
print("python_random", random.random())
print("python_secrets", secrets.token_hex(16))
print("python_uuid", uuid.uuid4())
print("python_urandom", os.urandom(16).hex())
print("python_hash", hash("pyro"))
`;

/** The machine's very first command: reads randomness before anything else, then the rest, then the clock when told to. */
const first = `
printf 'urandom '; head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \\n'; echo
echo "uuid $(cat /proc/sys/kernel/random/uuid)"
echo "boot_id $(cat /proc/sys/kernel/random/boot_id)"
echo "machine_id $(cat /etc/machine-id)"
echo "host_name $(cat /proc/sys/kernel/hostname) $(cat /etc/hostname)"
echo "temporary_name $(mktemp -u)"
echo "bash_random $(bash -c 'echo $SRANDOM$SRANDOM')"
python3 -c "$1"
echo ready; read told; echo "clock $(date +%s%N)"
`;

/** Runs that command in a machine; the clock's value is how far it was beyond the moments between which it was read, in milliseconds. */
async function stranger(): Promise<Map<string, string>> {
  const stdin = new PassThrough();
  let text = "";
  let told = 0;
  let answered = 0;
  const onEvent = (event: { type: string; data?: Uint8Array }) => {
    if (event.type !== "stdout") return;
    text += Buffer.from(event.data ?? []).toString();
    if (told === 0 && text.includes("ready\n")) {
      told = Date.now();
      stdin.end("now\n");
    }
    if (answered === 0 && /clock \d+\n/.test(text)) answered = Date.now();
  };
  const input = { environment: ENVIRONMENT, command: ["sh", "-c", first, "sh", python], timeout_seconds: 120 };
  const { exit_code, stderr, execution_mode } = await guests.pyro.runInVm(input, { stdin, onEvent });
  expect([exit_code, stderr]).toEqual([0, ""]);
  expect(execution_mode).not.toBe("host_compat");
  const lines = text.split("\n").filter((line) => line.includes(" "));
  const values = new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
  return values.set("clock", String(beyond(Number(values.get("clock")) / 1e6, told, answered)));
}

function wasLostToReset(error: unknown): error is PyroError {
  return error instanceof PyroError && error.code === "guest_lost" && error.details["cause"] === "guest-reset";
}

/** How far `time` lies outside of the time from `from` to `to`. */
function beyond(time: number, from: number, to: number): number {
  return Math.max(0, from - time, time - to);
}

describe(`${CLONES} machines of one template`, () => {
  const strangers: Map<string, string>[] = [];
  const losses: string[] = [];
  const made = () => guests.source.templates.all().map(({ created_at }) => created_at);

  /** A stranger, after those that were lost. */
  const surviving = async (): Promise<Map<string, string>> => {
    try {
      return await stranger();
    } catch (error) {
      if (!wasLostToReset(error) || losses.length === LOSSES) throw error;
      losses.push(error.message);
      return surviving();
    }
  };

  beforeAll(async () => {
    const before = made();
    expect(before).toHaveLength(1);
    for (let batch = 0; batch < CLONES / AT_ONCE; batch += 1)
      strangers.push(...(await Promise.all(Array.from({ length: AT_ONCE }, surviving))));
    expect(made()).toEqual(before);
    if (LOSSES > 0) console.log(`lost to a reset of the CPU and opened anew: ${losses.length} of ${CLONES}`);
  });

  it.each([
    ["urandom", /^[0-9a-f]{64}$/],
    ["uuid", /^[0-9a-f-]{36}$/],
    ["boot_id", /^[0-9a-f-]{36}$/],
    ["machine_id", /^[0-9a-f]{32}$/],
    ["host_name", /^(vm-[0-9a-f]{12}) \1$/],
    ["temporary_name", /^\/tmp\/tmp\.\w{10}$/],
    ["bash_random", /^\d{8,20}$/],
    ["tls_random", /^[0-9a-f]{64}$/],
    ["tls_session", /^[0-9a-f]{64}$/],
    ["tls_key_share", /^[0-9a-f]{70,}$/],
    ["at_random", /^[0-9a-f]{32}$/],
    ["python_random", /^0?\.?[\d.e-]+$/],
    ["python_secrets", /^[0-9a-f]{32}$/],
    ["python_uuid", /^[0-9a-f-]{36}$/],
    ["python_urandom", /^[0-9a-f]{32}$/],
    ["python_hash", /^-?\d+$/],
  ])("have as many values of %s", (name, form) => {
    const values = strangers.map((values) => values.get(name));
    for (const value of values) expect(value).toMatch(form);
    expect(new Set(values).size).toBe(CLONES);
  });

  it(`have the host's time within ${CLOCK_MS} ms`, () => {
    for (const values of strangers) expect(Number(values.get("clock"))).toBeLessThan(CLOCK_MS);
  });
});

describe("a machine's clock", () => {
  /** How far the machine's clock was from the host's, in milliseconds. */
  const deviation = async (session: Parameters<typeof printed>[0]) => {
    const before = Date.now();
    const time = Number(await printed(session, "date +%s%N")) / 1e6;
    return beyond(time, before, Date.now());
  };

  it("is right for its first command, however old its template is", async () => {
    const made = Date.parse(guests.source.templates.all()[0]?.created_at ?? "");
    await delay(Math.max(0, made + 5000 - Date.now()));
    await withSession(await guests.source.open(SHAPE, quiet), async (session) => {
      expect(await deviation(session)).toBeLessThan(CLOCK_MS);
    });
  });

  it("is right again after a pause, once it has been set", async () => {
    const open = await guests.source.open(SHAPE, quiet);
    await withSession(open, async (session) => {
      await printed(session, "date -s @1000000000");
      expect(await deviation(session)).toBeGreaterThan(1e11);
      process.kill(open.machine.pid(), "SIGSTOP");
      await delay(1500);
      process.kill(open.machine.pid(), "SIGCONT");
      await session.setClock();
      expect(await deviation(session)).toBeLessThan(CLOCK_MS);
    });
  });
});

describe("a machine's disk", () => {
  /** A machine with a disk of that size, that is told of a disk of that other size. */
  async function withDiskOf(gib: number, told_gib: number): Promise<OpenMachine> {
    const parts = await guests.source.parts(SHAPE, quiet);
    const { open } = await guests.source.templates.ensure(parts, quiet);
    const disk = await guests.environments.diskForRun(gib);
    const { memory, state } = open;
    const files = { memory: memory.fd, state: state.fd };
    const programs = { ...parts.host, agent: parts.host.agent.path };
    const machine = await withMachineFiles(
      guests.environments,
      parts,
      { layers: [disk], is_durable: false },
      quiet.signal,
      (spec) => restoreQemu(programs, spec, files, { deadline_ms: 30_000, signal: quiet.signal }),
    );
    for (const file of [open, disk]) file.close();
    return {
      machine,
      agent_build: parts.host.agent.build,
      disks: { root: diskSerial.root, disk: { serial: diskSerial.disk, size_bytes: told_gib * GIB } },
      env: parts.environment.env,
      cwd: "/workspace",
      call_deadline_ms: 30_000,
    };
  }

  it.each([32, 8])("of %i GiB is there in its own size, whatever the template's was", async (gib) => {
    await withSession(await withDiskOf(gib, gib), async (session) => {
      const sizes = await printed(session, "cat /sys/block/vd?/size; df -B1 --output=size /workspace | tail -n 1");
      const [, , blocks = 0, bytes = 0] = ["", ...sizes.trim().split(/\s+/)].map(Number);
      expect(sizes.split(/\s+/)).toContain(String((gib * GIB) / 512));
      expect(Math.max(blocks, bytes)).toBeLessThanOrEqual(gib * GIB);
      expect(Number(sizes.trim().split(/\s+/).at(-1))).toBeGreaterThan(0.9 * gib * GIB);
      await printed(session, "head -c 20000000 /dev/urandom > big && sync && sha256sum big && rm big");
    });
  });

  it("that is not of the size it should be is an error, not a machine", async () => {
    const open = await withDiskOf(8, 32);
    await expect(withSession(open, async () => {})).rejects.toMatchObject({
      message: expect.stringContaining(`the disk has ${8 * GIB} bytes, not ${32 * GIB}`),
    });
  });

  it("is its own: what one machine writes, no other one sees", async () => {
    const places = ["/workspace", "/root", "/tmp", "/dev/shm", "/usr/bin"];
    const opened = await Promise.all([guests.source.open(SHAPE, quiet), guests.source.open(SHAPE, quiet)]);
    const [one, other] = await Promise.all(
      opened.map((open, number) =>
        withSession(open, (session) =>
          printed(
            session,
            `for d in ${places.join(" ")}; do ls $d/mine 2>&- ; echo ${number} > $d/mine; done; sync; cat ${places.map((place) => `${place}/mine`).join(" ")}`,
          ),
        ),
      ),
    );
    expect([one, other]).toEqual(["0\n", "1\n"].map((line) => line.repeat(places.length)));
    await withSession(await guests.source.open(SHAPE, quiet), async (session) => {
      expect(await printed(session, `ls ${places.map((place) => `${place}/mine`).join(" ")} 2>&-; true`)).toBe("");
    });
  });
});

describe("a template", () => {
  it("is not changed by machines that fill their memory", async () => {
    const shape = { ...SHAPE, mem_mib: 256 };
    const { open } = await guests.source.templates.ensure(await guests.source.parts(shape, quiet), quiet);
    open.close();
    const path = paths.template(templateKey(open.template.origin)).memory;
    const before = await fingerprint(path);
    const fill = async () =>
      withSession(await guests.source.open(shape, quiet), (session) =>
        printed(session, `python3 -c 'import os; print(len(bytearray(os.urandom(1 << 20)) * 128))'`),
      );
    expect(await Promise.all([fill(), fill()])).toEqual(["134217728\n", "134217728\n"]);
    await fill();
    expect(await fingerprint(path)).toEqual(before);
  });
});

/** All that can be said of a file: its stamp, and the hash of its content. */
async function fingerprint(path: string): Promise<unknown> {
  const file = openReadOnly(path);
  if (file === undefined) throw new Error(`no ${path}`);
  const found = { stamp: file.stamp(), sha256: await file.sha256() };
  file.close();
  return found;
}
