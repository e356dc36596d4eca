/** Why a command ended, the same on every surface. */
import { z } from "zod";

/** `network_denied` is for commands whose connections are refused. */
export const outcomeKinds = [
  "exited",
  "signal",
  "timeout",
  "oom",
  "disk_full",
  "guest_lost",
  "network_denied",
  "cancelled",
] as const;

export const outcome = z.strictObject({
  kind: z.enum(outcomeKinds).describe("Why the command ended"),
  detail: z.string().describe("What was seen, in one sentence"),
  remedy: z.string().nullable().describe("What to type next; null where nothing is to be mended"),
  retry_safe: z.boolean().describe("Whether the command had no effect, since it never started"),
});

export type Outcome = Readonly<z.infer<typeof outcome>>;
export type OutcomeKind = Outcome["kind"];
