/** A history and the end of the process, or of the room on the disk, that it depends on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../../tests/support/bundle.ts";
import { runProgram } from "../../platform/programs.ts";
import { CommandHistory } from "./history.ts";
import { textFrom } from "./text.ts";

const uid = process.getuid?.() ?? 0;
let directory: string;
let writer: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pyro-keeping-"));
  writer = await bundle("tests/support/write-history.ts");
}, 30_000);
afterAll(() => {
  rmSync(directory, { recursive: true });
  rmSync(join(writer, ".."), { recursive: true });
});

describe("a process that keeps a history", () => {
  it("is killed in the middle of a line and loses nothing that it has said to have", async () => {
    const child = spawn(process.execPath, [writer, join(directory, "killed")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
      if (said.split("\n").length > 5) child.kill("SIGKILL");
    });
    await once(child, "close");
    const promised = Number(said.trim().split("\n").at(-1));
    const log = CommandHistory.open(join(directory, "killed")).find(1);
    expect(log.record).toMatchObject({
      state: "finished",
      outcome: { kind: "guest_lost", detail: "its keeper ended" },
    });
    expect(log.end).toBeGreaterThanOrEqual(promised);
    const text = textFrom(log, 0, 1_000_000_000).output;
    expect(Buffer.byteLength(text)).toBe(log.end);
    expect(text.startsWith("line 0 ä\n")).toBe(true);
  });

  it("goes on when the disk is full, and says that its log is not complete", async () => {
    const script =
      'mount -t tmpfs -o size=1m,mode=700 none /mnt && mkdir -m 700 /mnt/h && "$0" "$1" /mnt/h 3000000; ls /mnt/h';
    const args = [...(uid === 0 ? ["-m"] : ["-Urm"]), "/bin/sh", "-c", script, process.execPath, writer];
    const { stdout } = await runProgram("/usr/bin/unshare", args);
    const [said = "", ...files] = stdout.trim().split("\n");
    const [, json = "", rest = ""] = /^(\{.*\})(.*)$/.exec(said) ?? [];
    const { on_disk, ...seen } = JSON.parse(json);
    expect([on_disk > 100_000, on_disk % 1000]).toEqual([true, 0]);
    expect(seen).toEqual({
      log_error: expect.stringContaining("no space left"),
      stdout_bytes: 3_000_000,
      state: "finished",
      end: 3_000_000,
      truncated: true,
    });
    expect([rest, ...files]).toContain("1.0.log");
  });
});
