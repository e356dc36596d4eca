/** The table of outcomes: what the guest's kernel says decides, never a status alone. */
import { describe, expect, it } from "vitest";
import { PyroError } from "../../contract/errors.ts";
import { outcomeKinds } from "../../contract/outcome.ts";
import type { ExecEnded } from "../../wire/messages.ts";
import { endOf, outcomeOf } from "./outcomes.ts";

const setting = { workspace_id: "ws-0123456789ab", mem_mib: 512, timeout_seconds: 30 };
const well: ExecEnded = {
  event: "ended",
  exit_code: 0,
  signal: null,
  timed_out: false,
  oom_killed: false,
  rest_killed: false,
  free_space: [],
  duration_ms: 1,
};
const killed = { exit_code: null, signal: 9 };
const room = { place: "cwd", bytes: 1_000_000, inodes: 5 } as const;

describe("the outcome of a command", () => {
  it.each([
    ["did well", {}, "exited", "it ended with exit code 0"],
    ["failed", { exit_code: 3, free_space: [room] }, "exited", "it ended with exit code 3"],
    ["says 137 of its own accord", { exit_code: 137 }, "exited", "exit code 137"],
    ["was killed by somebody", killed, "signal", "SIGKILL (9) ended it"],
    ["got a signal without a name", { exit_code: null, signal: 40 }, "signal", "signal 40 ended it"],
    ["was killed for memory", { ...killed, oom_killed: true }, "oom", "512 MiB"],
    ["failed since a child was killed for memory", { exit_code: 1, oom_killed: true }, "oom", "memory"],
    ["did well although a child was killed", { oom_killed: true }, "exited", "killed a process of it"],
    ["ran too long", { ...killed, timed_out: true, oom_killed: true }, "timeout", "longer than 30 s"],
    ["failed on a full disk", { exit_code: 1, free_space: [{ ...room, bytes: 0 }] }, "disk_full", "no space left"],
    ["failed without inodes", { exit_code: 1, free_space: [{ ...room, inodes: 0 }] }, "disk_full", "no inodes left"],
    [
      "failed on a full /tmp",
      { exit_code: 1, free_space: [room, { ...room, place: "tmp", bytes: 4096 }] },
      "disk_full",
      "/tmp",
    ],
    ["did well on a full disk", { free_space: [{ ...room, bytes: 0 }] }, "exited", "exit code 0"],
    ["failed where inodes are not counted", { exit_code: 1, free_space: [{ ...room, inodes: null }] }, "exited", ""],
  ] as const)("that %s", (_what, ended, kind, detail) => {
    const outcome = outcomeOf(
      { ...well, ...ended, free_space: [...(("free_space" in ended && ended.free_space) || [])] },
      setting,
    );
    expect(outcome).toMatchObject({ kind, detail: expect.stringContaining(detail), retry_safe: false });
    expect(outcome.remedy === null).toBe(["exited", "signal"].includes(kind));
  });

  it.each([
    ["command_not_found", undefined, "exited", 127, true],
    ["command_not_executable", undefined, "exited", 126, true],
    ["argument_too_long", undefined, "exited", 126, true],
    ["guest_lost", undefined, "guest_lost", 125, false],
    ["protocol_violation", undefined, "guest_lost", 125, false],
    ["host_io_failed", undefined, "cancelled", 125, false],
    ["cancelled", "its caller went away", "cancelled", 137, false],
    ["guest_lost", "the workspace is deleted", "cancelled", 137, false],
  ] as const)("without a result, for %s (%s)", (code, cancelled, kind, exit_code, retry_safe) => {
    const end = endOf(new PyroError(code, "why"), cancelled, 7);
    expect(end).toMatchObject({ exit_code, timed_out: false, duration_ms: 7 });
    expect(end.outcome).toMatchObject({ kind, retry_safe, detail: cancelled ?? "why" });
    expect(outcomeKinds).toContain(kind);
  });
});
