/** Output fields that say how ready an environment is. */
import { z } from "zod";

export const readinessFields = {
  name: z.string().describe("Name of the environment"),
  state: z
    .enum(["warm", "cold", "stale"])
    .describe(
      "warm: a machine starts from a template; cold: there is none yet; stale: there is one that no longer fits",
    ),
  reason: z.string().nullable().describe("Why it is not warm"),
  prepared_at: z.string().nullable().describe("When `pyro prepare` last proved its template"),
  template_size_bytes: z.int().nullable().describe("Bytes that its template takes on disk"),
  start_ms: z.int().nullable().describe("Time from a start to the end of a first command, when it was last proved"),
};
