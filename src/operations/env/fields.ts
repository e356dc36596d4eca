/** Output fields that the environment operations share. */
import { z } from "zod";

const source = z
  .strictObject({
    kind: z.literal("debian-archive").describe("Where the environment was built from"),
    suite: z.string().describe("Debian suite"),
    mirror: z.string().describe("Base address of the archive"),
  })
  .describe("Where it came from");

export const environmentFields = {
  name: z.string().describe("Name of the environment"),
  description: z.string().describe("What it is for"),
  installed: z.boolean().describe("It is in the local cache, whole"),
  digest: z.string().nullable().describe("SHA-256 of its root image"),
  size_bytes: z.int().nullable().describe("Size of its root image in bytes"),
  source: source.nullable().describe("Where it came from"),
  created_at: z.string().nullable().describe("When it was built"),
};
