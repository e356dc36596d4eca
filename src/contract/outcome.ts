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

const denial = z.strictObject({
  host: z.string().describe("Name or address that was asked for"),
  port: z.int().nullable().describe("Port; null where a name was looked up"),
  rule: z.string().describe("Why it was denied, such as not_listed"),
  hint: z.string().describe("What to type to have it allowed, or what else to do"),
});

export const outcome = z.strictObject({
  kind: z.enum(outcomeKinds).describe("Why the command ended"),
  detail: z.string().describe("What was seen, in one sentence"),
  remedy: z.string().nullable().describe("What to type next; null where nothing is to be mended"),
  retry_safe: z.boolean().describe("Whether the command had no effect, since it never started"),
  network_denied: z
    .array(denial)
    .optional()
    .describe("Connections and lookups of it that were denied, at most 20 different ones; absent where there was none"),
  network_denied_count: z.int().optional().describe("How many were denied; absent where none was"),
});

export type Outcome = Readonly<z.infer<typeof outcome>>;
export type NetworkDenial = Readonly<z.infer<typeof denial>>;
export type OutcomeKind = Outcome["kind"];
