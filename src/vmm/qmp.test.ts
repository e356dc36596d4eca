/** The monitor against a scripted QEMU: answers in their order, events between them, and a VMM that misbehaves. */
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closePairs, socketPair } from "../../tests/support/socket-pair.ts";
import { Qmp } from "./qmp.ts";

afterEach(closePairs);

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 } }, capabilities: ["oob"] } };

interface Script {
  readonly qmp: Qmp;
  readonly vmm: Socket;
  /** Documents that QEMU has been sent */
  readonly asked: { execute: string; arguments?: unknown }[];
  say(...documents: readonly unknown[]): void;
}

/** A monitor whose QEMU has greeted it and answered its first command. */
async function monitor(): Promise<Script> {
  const [ours, vmm] = await socketPair();
  const asked: Script["asked"] = [];
  let text = "";
  vmm.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) asked.push(JSON.parse(line));
  });
  const say = (...documents: readonly unknown[]) =>
    void vmm.write(documents.map((document) => `${JSON.stringify(document)}\r\n`).join(""));
  const script = { qmp: new Qmp(ours), vmm, asked, say };
  say(greeting, { return: {} });
  return script;
}

/** How a promise stands once everything that was sent has been read. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const waiting = new Promise((resolve) => setTimeout(resolve, 100, "waiting"));
  return Promise.race([promise.catch((error: unknown) => error), waiting]);
}

const violation = (why: string) => ({
  code: "vm_start_failed",
  message: expect.stringContaining(`QEMU did not do as told: ${why}`),
});

describe("a command", () => {
  it("is sent as one line after the end of the negotiation, and gives what QEMU returned", async () => {
    const { qmp, asked, say } = await monitor();
    const status = qmp.execute("query-status");
    const migrated = qmp.execute("migrate", { uri: "fd:state" });
    await vi.waitFor(() => expect(asked).toHaveLength(3));
    say({ return: { running: true } }, { return: {} });
    expect(await status).toEqual({ running: true });
    expect(await migrated).toEqual({});
    expect(asked).toEqual([
      { execute: "qmp_capabilities" },
      { execute: "query-status" },
      { execute: "migrate", arguments: { uri: "fd:state" } },
    ]);
  });

  it("is answered in its order, with events between the answers, however the bytes are split", async () => {
    const { qmp, vmm } = await monitor();
    const answers = Promise.all(["a", "b", "c"].map((command) => qmp.execute(command)));
    const documents = [{ return: 1 }, { event: "STOP" }, { return: "ü" }, { event: "RESUME", data: {} }, { return: 3 }];
    const stopped = qmp.event((event) => event === "STOP" || undefined);
    const bytes = Buffer.from(documents.map((document) => `${JSON.stringify(document)}\n`).join(""));
    for (const byte of bytes) {
      vmm.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answers).toEqual([1, "ü", 3]);
    expect(await stopped).toBe(true);
  });

  it("that is refused says which, in QEMU's words, and the next one works", async () => {
    const { qmp, say } = await monitor();
    const [refused, next] = [qmp.execute("migrate-incoming"), qmp.execute("query-status")];
    say({ error: { class: "GenericError", desc: "Parameter 'uri' is missing" } }, { return: 2 });
    await expect(refused).rejects.toMatchObject(violation(`"migrate-incoming" failed: Parameter 'uri' is missing`));
    expect(await next).toBe(2);
  });

  it("that is refused carries no control characters and no endless text", async () => {
    const { qmp, say } = await monitor();
    const refused = qmp.execute("cont");
    say({ error: { desc: `\u001b]0;owned\u0007${"x".repeat(10_000)}` } });
    const error = await refused.catch((thrown: Error) => thrown.message);
    expect(error).not.toContain("\u001b");
    expect(String(error).length).toBeLessThan(700);
  });
});

describe("an event", () => {
  it("is what the look makes of the first one that it takes; others pass", async () => {
    const { qmp, say } = await monitor();
    const status = qmp.event((event, data) => (event === "MIGRATION" ? JSON.stringify(data) : undefined));
    const other = qmp.event((event) => event === "SHUTDOWN" || undefined);
    const timestamp = { seconds: 1, microseconds: 2 };
    say({ event: "STOP", timestamp }, { event: "MIGRATION", data: { status: "active" }, timestamp });
    say({ event: "MIGRATION", data: { status: "completed" }, timestamp });
    expect(await status).toBe('{"status":"active"}');
    expect(await outcome(other)).toBe("waiting");
  });

  it("is no answer to a command", async () => {
    const { qmp, say } = await monitor();
    const status = qmp.execute("query-status");
    say({ event: "RESUME", return: 1 });
    expect(await outcome(status)).toBe("waiting");
    say({ return: 2 });
    expect(await status).toBe(2);
  });
});

describe("a monitor", () => {
  it.each([
    ["not JSON", "qemu-system-x86_64: warning\n", "it answered"],
    ["an empty line", "\n", "it answered"],
    ["a list", "[]\n", "it answered"],
    ["null", "null\n", "it answered"],
    ["a number", "42\n", "it answered"],
    ["a document that is no message", "{}\n", "it answered"],
    ["an error without words", '{"error":{"class":"GenericError"}}\n', "it answered"],
    ["an event without a name", '{"event":7}\n', "it answered"],
    ["JSON that goes too deep", `{"return":${"[".repeat(60_000)}\n`, "it answered"],
    ["a line that does not end", "x".repeat(200_000), "its answer is too long"],
    ["more answers than there were questions", '{"return":1}\n{"return":2}\n{"return":3}\n', "it answered what nobody"],
  ])("that sends %s fails what is open and every later call", async (_what, text, why) => {
    const { qmp, vmm } = await monitor();
    const open = [qmp.event((event) => event), ...(why.includes("nobody") ? [] : [qmp.execute("query-status")])];
    vmm.write(text);
    for (const one of open) await expect(one).rejects.toMatchObject(violation(why));
    await expect(qmp.execute("cont")).rejects.toMatchObject(violation(why));
    await expect(qmp.giveFile("/nowhere", 0, "getfd", { fdname: "state" })).rejects.toMatchObject(violation(why));
    await expect(qmp.event(() => true)).rejects.toMatchObject(violation(why));
  });

  it("keeps no more than one line of what it is sent", async () => {
    const { qmp, vmm } = await monitor();
    const closed = new Promise((resolve) => vmm.once("close", resolve));
    const open = expect(qmp.execute("query-status")).rejects.toMatchObject(violation("its answer is too long"));
    const chunk = "x".repeat(65_536);
    let taken = 0;
    const count = (error?: Error | null) => {
      if (!error) taken += chunk.length;
    };
    for (let sent = 0; sent < 1024; sent += 1) vmm.write(chunk, count);
    await Promise.all([open, closed]);
    expect(taken).toBeLessThan(2 * 1_048_576);
  });

  it.each([
    ["ends", (vmm: Socket) => vmm.end()],
    ["breaks", (vmm: Socket) => vmm.destroy()],
  ])("whose stream %s fails what is open and every later call, and nothing else", async (_how, close) => {
    const { qmp, vmm } = await monitor();
    const open = [qmp.execute("query-status"), qmp.event((event) => event)];
    // Nobody waits for this one.
    void qmp.event((event) => event);
    close(vmm);
    for (const one of open) await expect(one).rejects.toMatchObject(violation("it closed its monitor"));
    await expect(qmp.execute("cont")).rejects.toMatchObject(violation("it closed its monitor"));
  });

  it("that is given a file it cannot be sent fails that call alone", async () => {
    const { qmp } = await monitor();
    await expect(qmp.giveFile("/nowhere", 0, "getfd", { fdname: "state" })).rejects.toMatchObject({
      code: "host_io_failed",
    });
  });
});
