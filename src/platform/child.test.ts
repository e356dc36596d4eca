/** Passing an open file over a socket: the socket stays ours, and a failure is typed. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { closePairs, socketPair } from "../../tests/support/socket-pair.ts";
import { sendWithFile } from "./child.ts";
import { packageRoot } from "./package-root.ts";

const agent = join(packageRoot(), "dist/guest/pyro-agent");
let fd: number;

beforeAll(() => {
  fd = openSync("/dev/null", "r");
});
afterAll(() => closeSync(fd));
afterEach(closePairs);

describe("sendWithFile", () => {
  it("sends the text whole, in its place between what we write ourselves", async () => {
    const [ours, theirs] = await socketPair();
    let read = "";
    theirs.setEncoding("utf8").on("data", (text: string) => {
      read += text;
    });
    await new Promise((resolve) => ours.write("before\n", resolve));
    const text = `{"execute":"getfd","arguments":{"fdname":"ü ${"x".repeat(10_000)}"}}\n`;
    await sendWithFile(agent, ours, text, fd);
    ours.end("after\n");
    await new Promise((resolve) => theirs.once("end", resolve));
    expect(read).toBe(`before\n${text}after\n`);
  });

  it("loses nothing of what the other end says before, meanwhile and afterwards", async () => {
    const [ours, theirs] = await socketPair();
    let read = "";
    ours.setEncoding("utf8").on("data", (text: string) => {
      read += text;
    });
    let said = 0;
    const say = () => void theirs.write(`${said++}\n`);
    say();
    const talk = setInterval(say, 1);
    for (let round = 0; round < 3; round += 1) await sendWithFile(agent, ours, "x\n", fd);
    clearInterval(talk);
    theirs.end("end\n");
    await vi.waitFor(() => expect(read.endsWith("end\n")).toBe(true));
    expect(read).toBe([...Array(said).keys(), "end\n"].join("\n"));
  });

  it("leaves our end as it was: a read of it must never block this process", async () => {
    const [ours] = await socketPair();
    const before = socketFlags();
    await sendWithFile(agent, ours, "x\n", fd);
    expect(socketFlags()).toEqual(before);
  });

  it.each([
    ["the launcher is not there", "/nowhere"],
    ["the launcher fails", "/bin/false"],
  ])("says so where %s", async (_why, launcher) => {
    const [ours] = await socketPair();
    await expect(sendWithFile(launcher, ours, "x\n", fd)).rejects.toMatchObject({ code: "host_io_failed" });
  });

  it("says so where the other end is gone", async () => {
    const [ours, theirs] = await socketPair();
    theirs.destroy();
    await expect(sendWithFile(agent, ours, "x\n", fd)).rejects.toMatchObject({ code: "host_io_failed" });
  });
});

/** Status flags of every socket of this process, by descriptor. */
function socketFlags(): string[] {
  return readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      if (!readlinkSync(`/proc/self/fd/${number}`).startsWith("socket:")) return [];
      return `${number} ${/^flags:.*$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, "utf8"))?.[0]}`;
    } catch {
      return [];
    }
  });
}
