/** What is said of a snapshot. */
import { z } from "zod";

export const snapshot = z.strictObject({
  name: z.string().describe("Name of the snapshot"),
  created_at: z.string().describe("When it was made"),
  is_baseline: z.boolean().describe("It is what the workspace began with, and cannot be deleted"),
});
