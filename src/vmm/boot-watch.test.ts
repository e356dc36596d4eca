/** A console is read for readiness and failure, however it is split and whatever else is on it. */
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { BootWatch } from "./boot-watch.ts";

const READY = "pyro-agent: ready\n";
const FAILED = 'pyro-agent: boot failed {"stage":"mount_root","errno":2,"message":"no block device \\"root\\""}\n';

function watch(...chunks: readonly (string | Buffer)[]): BootWatch {
  const console = new PassThrough();
  const started = new BootWatch(console);
  for (const chunk of chunks) console.write(chunk);
  return started;
}

/** How a boot stands once everything written so far has been read. */
async function outcome(boot: BootWatch): Promise<string> {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([
    boot.ready.then(
      () => "ready",
      (error: Error) => error.message,
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve("waiting"))),
  ]);
}

const bytes = (text: string) => [...Buffer.from(text)].map((byte) => Buffer.from([byte]));

describe("BootWatch", () => {
  it("sees readiness split at every byte", async () => {
    const text = `[    0.1] Linux ü\r\n${READY}`;
    const all = Buffer.from(text);
    for (let at = 0; at <= all.length; at += 1)
      expect(await outcome(watch(all.subarray(0, at), all.subarray(at)))).toBe("ready");
    expect(await outcome(watch(...bytes(text)))).toBe("ready");
  });

  it("waits for the end of the line", async () => {
    expect(await outcome(watch(READY.trimEnd()))).toBe("waiting");
    expect(await outcome(watch(READY.trimEnd(), "\r\n"))).toBe("ready");
  });

  it("rejects with stage, errno and message as soon as the agent says so", async () => {
    for (const chunks of [[FAILED], bytes(FAILED), [FAILED.replace("\n", "\r\n")]]) {
      await expect(watch(...chunks).ready).rejects.toMatchObject({
        code: "boot_failed",
        message: 'The guest could not boot: mount_root: no block device "root"',
        details: { stage: "mount_root", errno: 2 },
      });
    }
  });

  it.each([
    ["not JSON", "pyro-agent: boot failed while mounting\n", "while mounting"],
    ["half of a record", 'pyro-agent: boot failed {"stage":"x"}\n', '{"stage":"x"}'],
    ["nothing", "pyro-agent: boot failed \n", "could not boot"],
    [
      "fields that nobody knows",
      'pyro-agent: boot failed {"stage":"a","errno":1,"message":"b","__proto__":{"c":1}}\n',
      "could not boot",
    ],
    [
      "an errno that is no number",
      'pyro-agent: boot failed {"stage":"a","errno":"1","message":"b"}\n',
      "could not boot",
    ],
  ])("fails with what is there when the record is %s", async (_what, line, part) => {
    await expect(watch(line).ready).rejects.toMatchObject({
      code: "boot_failed",
      message: expect.stringContaining(part),
    });
  });

  it("cleans what the guest says of its failure, and cuts it", async () => {
    const record = { stage: "\u001b[2Jmount", errno: null, message: `\u001b]0;owned\u0007${"x".repeat(100_000)}` };
    const error = await watch(`pyro-agent: boot failed ${JSON.stringify(record)}\n`).ready.catch(
      (thrown: Error) => thrown,
    );
    expect(JSON.stringify(error)).not.toContain("\\u001b");
    expect(String(error).length).toBeLessThan(4096);
  });

  it.each([
    ["an endless line", ["x".repeat(200_000)]],
    ["endless empty lines", ["\n".repeat(200_000)]],
    ["invalid UTF-8", [Buffer.alloc(100_000, 0xff), "\n"]],
    ["escape sequences", ["\u001b[2J\u001b]0;pyro-agent: almost\u0007\n"]],
    [
      "words that are close",
      ["pyro-agent: read\n", "pyro-agent ready\n", "PYRO-AGENT: READY\n", "pyro-agent: boot failure\n"],
    ],
  ])("is not moved by %s, and still sees readiness after it", async (_what, chunks) => {
    expect(await outcome(watch(...chunks))).toBe("waiting");
    expect(await outcome(watch(...chunks, `\n${READY}`))).toBe("ready");
  });

  it("counts the first of several verdicts", async () => {
    expect(await outcome(watch(READY, FAILED))).toBe("ready");
    expect(await outcome(watch(FAILED + READY))).toContain("mount_root");
  });

  it("keeps the end of the console, also after the verdict", async () => {
    const boot = watch(READY, "x".repeat(100_000), "the end");
    await boot.ready;
    await outcome(boot);
    expect(boot.ring.text()).toHaveLength(65_536);
    expect(boot.ring.text().endsWith("the end")).toBe(true);
  });

  it("takes time in proportion to the console", async () => {
    const started = performance.now();
    const boot = watch(...Array.from({ length: 50_000 }, () => "abcdefgh"), `\n${READY}`);
    await boot.ready;
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
