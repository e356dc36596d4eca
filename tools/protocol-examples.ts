/** Examples of every guest protocol message, edge cases included; both languages are tested against them. */
import type { Message, MessageName } from "../src/wire/messages.ts";
import { egressExamples } from "./egress-examples.ts";
import { treeExamples } from "./tree-examples.ts";

/** At least one example per message: a name without examples, or one that is no message, does not compile. */
export type Examples = { readonly [Name in MessageName]: readonly [Message<Name>, ...Message<Name>[]] };

const LARGEST_COUNT = Number.MAX_SAFE_INTEGER;
/** What 32 bits hold, signed and unsigned: process ids and error numbers of the agent. */
const LARGEST_PID = 4_294_967_295;
const LARGEST_ERRNO = 2_147_483_647;
/** A character of four bytes in UTF-8 and two units in UTF-16, and others that JSON escapes or passes through. */
const oddText = 'quote " backslash \\ slash / tab \t newline \n nul \u0000 escape \u001b é 漢 🦀';

const wellEnded = {
  exit_code: 0,
  signal: null,
  timed_out: false,
  oom_killed: false,
  rest_killed: false,
  free_space: [],
  duration_ms: 12,
};
const plain = { argv: ["true"], env: {}, cwd: "/", timeout_ms: null, stdin: false, ends_tree: false, pty: null };
const cwdSpace = { place: "cwd", bytes: 0, inodes: 0 } as const;
const tmpSpace = { place: "tmp", bytes: LARGEST_COUNT, inodes: null } as const;

export const protocolExamples: Examples = {
  "hello.request": [
    { protocol: 1, build: "3f2a9c1e5b7d4a60", nonce: "0c6b2b0e9f1d4c7a8e5f6a7b8c9d0e1f" },
    { protocol: 1, build: "", nonce: "" },
    { protocol: 1, build: "b".repeat(128), nonce: "n".repeat(128) },
  ],
  "hello.response": [
    {
      protocol: 1,
      build: "3f2a9c1e5b7d4a60",
      nonce: "0c6b2b0e9f1d4c7a8e5f6a7b8c9d0e1f",
      version: "0.1.0",
      mode: "guest",
      kernel_release: "6.1.0-31-cloud-amd64",
      pid: 1,
      uptime_ms: 412,
    },
    {
      protocol: 1,
      build: "b".repeat(128),
      nonce: "n".repeat(128),
      version: "v".repeat(64),
      mode: "listen",
      kernel_release: "k".repeat(128),
      pid: LARGEST_PID,
      uptime_ms: LARGEST_COUNT,
    },
  ],
  "ping.request": [{}],
  "ping.response": [{}],
  "setup.request": [
    {
      hostname: "vm-0123456789ab",
      machine_id: "0123456789abcdef0123456789abcdef",
      entropy: "S2VlcCB0aGlzIGZpeGVkOiAzMiBieXRlcyBpbiBiYXNlNjQuIEl0IGlzIG5vdCBhIHNlY3JldCwgb25seSBhbiBleGFtcGxlIQ==",
      wall_time_unix_ms: 1_767_225_600_000,
      root: "root",
      disk: { serial: "disk", size_bytes: 17_179_869_184 },
    },
    { hostname: "", machine_id: "f".repeat(32), entropy: "", wall_time_unix_ms: 0, root: null, disk: null },
    {
      hostname: "h".repeat(64),
      machine_id: "0".repeat(32),
      entropy: "/+8=",
      wall_time_unix_ms: LARGEST_COUNT,
      root: "r".repeat(20),
      disk: { serial: "d".repeat(20), size_bytes: LARGEST_COUNT },
    },
  ],
  "setup.response": [
    { uptime_ms: 438, boot_id: "9b2f6c1e-0d3a-4b5c-8e7f-112233445566" },
    { uptime_ms: LARGEST_COUNT, boot_id: "b".repeat(64) },
    { uptime_ms: 0, boot_id: null },
  ],
  "secrets.request": [
    { directory: "/run/pyro-secrets", secrets: [{ name: "API_KEY", value: "aHVudGVyMmh1bnRlcjI=" }] },
    { directory: "", secrets: [] },
  ],
  "secrets.response": [{}],
  "clock.request": [{ wall_time_unix_ms: 1_767_225_600_000 }, { wall_time_unix_ms: LARGEST_COUNT }],
  "clock.response": [{ was_unix_ms: 0 }, { was_unix_ms: LARGEST_COUNT }],
  "exec.params": [
    {
      argv: ["git", "--version"],
      env: { HOME: "/root", LANG: "C.UTF-8", PATH: "/usr/local/bin:/usr/bin:/bin" },
      cwd: "/workspace",
      timeout_ms: 30_000,
      stdin: false,
      ends_tree: false,
      pty: null,
    },
    { ...plain, argv: ["sh", "-c", oddText], env: { ODD: oddText, EMPTY: "" }, timeout_ms: LARGEST_COUNT, stdin: true },
    { ...plain, argv: [""], cwd: "", ends_tree: true },
    { ...plain, argv: ["true"], timeout_ms: 0 },
    { ...plain, argv: ["bash"], stdin: true, pty: { cols: 120, rows: 30 } },
    { ...plain, argv: ["bash"], pty: { cols: 1, rows: 1_000 } },
  ],
  "exec.event": [
    { event: "started", pid: 137 },
    { event: "started", pid: LARGEST_PID },
    { ...wellEnded, event: "ended" },
    { ...wellEnded, event: "ended", exit_code: 255, duration_ms: 0, free_space: [cwdSpace] },
    { ...wellEnded, event: "ended", exit_code: null, signal: 9, timed_out: true, free_space: [cwdSpace, tmpSpace] },
    { ...wellEnded, event: "ended", exit_code: null, signal: 9, oom_killed: true, duration_ms: LARGEST_COUNT },
    { ...wellEnded, event: "ended", exit_code: null, signal: 64, rest_killed: true },
  ],
  "signal.request": [
    { pid: 137, signal: 15, tree: false },
    { pid: LARGEST_PID, signal: 31, tree: true },
    { pid: 0, signal: 1, tree: false },
  ],
  "signal.response": [{}],
  "forward.params": [{ port: 1 }, { port: 65_535 }],
  "forward.event": [{ event: "connected" }],
  "resize.request": [
    { pid: 137, cols: 120, rows: 30 },
    { pid: LARGEST_PID, cols: 1, rows: 1_000 },
  ],
  "resize.response": [{}],
  "probe.request": [
    { kind: "tcp", port: 1 },
    { kind: "tcp", port: 65_535 },
    { kind: "http", url: "http://localhost:3000/health" },
    { kind: "http", url: "u".repeat(2048) },
    { kind: "file", path: "/workspace/ready" },
    { kind: "file", path: oddText },
  ],
  "probe.response": [
    { ok: true, detail: "status 200" },
    { ok: false, detail: "d".repeat(512) },
    { ok: false, detail: "" },
  ],
  "poweroff.request": [{}],
  "poweroff.response": [{}],
  ...egressExamples,
  ...treeExamples,
  "sync.request": [{}],
  "sync.response": [{}],
  "freeze.request": [{ deadline_ms: 1 }, { deadline_ms: 60_000 }],
  "freeze.response": [{}],
  "thaw.request": [{}],
  "thaw.response": [{}],
  failure: [
    { code: "command_not_found", message: '"no-such-program" is not in the environment', errno: 2 },
    { code: "protocol_mismatch", message: "The agent speaks protocol 1", errno: null },
    { code: "a".repeat(64), message: oddText, errno: -1 },
    { code: "_", message: "m".repeat(8192), errno: LARGEST_ERRNO },
    { code: "internal", message: "", errno: 0 },
  ],
};
