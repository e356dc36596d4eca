/** The messages of the methods on connections to other machines. */
import { z } from "zod";

/** Longest name, in bytes: what DNS has. */
const MAX_EGRESS_NAME_BYTES = 253;

const MAX_ID = 4_294_967_295;
const MAX_BASE64 = Math.ceil(MAX_EGRESS_NAME_BYTES / 3) * 4;
const isNameLong = (base64: string) => base64 !== "" && Buffer.byteLength(base64, "base64") <= MAX_EGRESS_NAME_BYTES;
const id = z.int().min(1).max(MAX_ID);
/** Bytes as text; in base64 where they are not UTF-8. */
const name = z.union([
  z.string().min(1).max(MAX_EGRESS_NAME_BYTES),
  z.strictObject({ base64: z.base64().max(MAX_BASE64).refine(isNameLong, "not as long as a name") }),
]);
/** Number of a command, as its `started` event has it. */
const pid = z.int().min(1).max(4_294_967_295);

/** Message schemas by method and direction. */
export const egressMessages = {
  "egress.params": z.strictObject({}),
  "egress.event": z.discriminatedUnion("event", [
    z.strictObject({ event: z.literal("ready") }),
    z.strictObject({ event: z.literal("lookup"), id, name }),
    z.strictObject({
      event: z.literal("open"),
      id,
      host: name,
      port: z.int().min(1).max(65_535),
      pid: pid.nullable(),
    }),
  ]),
  "egress.answer": z.discriminatedUnion("answer", [
    z.strictObject({ answer: z.literal("lookup"), id, verdict: z.enum(["allowed", "refused"]) }),
    z.strictObject({ answer: z.literal("open"), id, verdict: z.literal("refused") }),
  ]),
  "tunnel.params": z.strictObject({ id }),
  "tunnel.event": z.strictObject({ event: z.literal("connected") }),
} as const;
