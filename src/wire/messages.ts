/** The guest protocol: every message between host and agent, as schemas; `protocol/` and the Rust tests follow from it. */
import { z } from "zod";
import { egressMessages } from "./egress-messages.ts";
import { treeMessages } from "./tree-messages.ts";

/** Version of the protocol; host and agent of one build always have the same. */
export const PROTOCOL_VERSION = 1;

/** Largest record either side may send, in bytes (docs/design/protocol.md). */
export const MAX_RECORD_BYTES = 1_048_576;

/** Largest JSON reply the host accepts, in bytes. */
export const MAX_REPLY_BYTES = 1_048_576;

/** Kinds of record in a streaming body, both directions. */
export const recordKind = { json: 0, stdin: 1, stdout: 1, stderr: 2, data: 1 } as const;

const count = z.int().min(0);
const empty = z.strictObject({});
const pid = z.int().min(0).max(4_294_967_295);
/** Linux numbers signals from 1 to 64; those above 31 are never sent by the host. */
const MAX_SIGNAL = 64;
const MAX_SENT_SIGNAL = 31;
/** Longest time that a disk is held still, in milliseconds. */
const MAX_FREEZE_MS = 60_000;

/** Most columns and most lines of a terminal (docs/design/limits.md). */
export const MAX_TERMINAL_SIZE = 1_000;
const lines = z.int().min(1).max(MAX_TERMINAL_SIZE);
const terminalSize = z.strictObject({ cols: lines, rows: lines });

/** Message schemas by method and direction. */
export const messages = {
  "hello.request": z.strictObject({
    protocol: z.literal(PROTOCOL_VERSION),
    build: z.string().max(128),
    nonce: z.string().max(128),
  }),
  "hello.response": z.strictObject({
    protocol: z.literal(PROTOCOL_VERSION),
    build: z.string().max(128),
    nonce: z.string().max(128),
    version: z.string().max(64),
    mode: z.enum(["guest", "listen"]),
    kernel_release: z.string().max(128),
    pid,
    uptime_ms: count,
  }),
  "ping.request": empty,
  "ping.response": empty,
  "setup.request": z.strictObject({
    hostname: z.string().max(64),
    machine_id: z.string().regex(/^[0-9a-f]{32}$/),
    entropy: z.base64(),
    wall_time_unix_ms: count,
    root: z.string().max(20).nullable(),
    disk: z.strictObject({ serial: z.string().max(20), size_bytes: count }).nullable(),
  }),
  "setup.response": z.strictObject({ uptime_ms: count, boot_id: z.string().max(64).nullable() }),
  "secrets.request": z.strictObject({
    directory: z.string().max(4095),
    secrets: z.array(z.strictObject({ name: z.string().max(64), value: z.base64() })).max(64),
  }),
  "secrets.response": empty,
  "clock.request": z.strictObject({ wall_time_unix_ms: count }),
  "clock.response": z.strictObject({ was_unix_ms: count }),
  "exec.params": z.strictObject({
    argv: z.array(z.string()).min(1),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
    timeout_ms: count.nullable(),
    stdin: z.boolean(),
    ends_tree: z.boolean(),
    pty: terminalSize.nullable(),
  }),
  "exec.event": z.discriminatedUnion("event", [
    z.strictObject({ event: z.literal("started"), pid }),
    z.strictObject({
      event: z.literal("ended"),
      exit_code: z.int().min(0).max(255).nullable(),
      signal: z.int().min(1).max(MAX_SIGNAL).nullable(),
      timed_out: z.boolean(),
      oom_killed: z.boolean(),
      rest_killed: z.boolean(),
      free_space: z
        .array(z.strictObject({ place: z.enum(["cwd", "tmp"]), bytes: count, inodes: count.nullable() }))
        .max(2),
      duration_ms: count,
    }),
  ]),
  "signal.request": z.strictObject({ pid, signal: z.int().min(1).max(MAX_SENT_SIGNAL), tree: z.boolean() }),
  "signal.response": empty,
  "resize.request": terminalSize.extend({ pid }),
  "resize.response": empty,
  "probe.request": z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("tcp"), port: z.int().min(1).max(65_535) }),
    z.strictObject({ kind: z.literal("http"), url: z.string().max(2048) }),
    z.strictObject({ kind: z.literal("file"), path: z.string().max(4095) }),
  ]),
  "probe.response": z.strictObject({ ok: z.boolean(), detail: z.string().max(512) }),
  "forward.params": z.strictObject({ port: z.int().min(1).max(65_535) }),
  "forward.event": z.strictObject({ event: z.literal("connected") }),
  "poweroff.request": empty,
  "poweroff.response": empty,
  ...egressMessages,
  ...treeMessages,
  "sync.request": empty,
  "sync.response": empty,
  "freeze.request": z.strictObject({ deadline_ms: z.int().min(1).max(MAX_FREEZE_MS) }),
  "freeze.response": empty,
  "thaw.request": empty,
  "thaw.response": empty,
  failure: z.strictObject({
    code: z.string().regex(/^[a-z_]{1,64}$/),
    message: z.string().max(8192),
    errno: z.int().nullable(),
  }),
} as const;

export type MessageName = keyof typeof messages;

/** A message as the schema gives it. */
export type Message<N extends MessageName> = z.infer<(typeof messages)[N]>;

/** Methods with one JSON request and one JSON response. */
export type UnaryMethod =
  | "hello"
  | "ping"
  | "setup"
  | "secrets"
  | "clock"
  | "signal"
  | "resize"
  | "probe"
  | "poweroff"
  | "sync"
  | "freeze"
  | "thaw";

/** How a command ended, as the agent reports it. */
export type ExecEnded = Extract<Message<"exec.event">, { event: "ended" }>;
