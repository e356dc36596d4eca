/** Output fields that the file operations share. */
import { z } from "zod";

export const fileListing = z.strictObject({
  path: z.string().describe("Directory that was listed"),
  entries: z
    .array(
      z.strictObject({
        path: z.string().describe("Path of the entry; a byte that is not UTF-8 is a lone surrogate, U+DC80 to U+DCFF"),
        artifact_type: z.enum(["file", "directory", "symlink", "other"]).describe("What it is"),
        size_bytes: z.int().describe("Length of a file"),
        modified_at: z.string().describe("When it was modified, as the guest has it"),
        link_target: z.string().nullable().describe("Where a symlink points"),
      }),
    )
    .describe("Its entries, sorted"),
  next_cursor: z.string().nullable().describe("Where the next listing begins; null where there are no more entries"),
  truncated: z.boolean().describe("There are more entries than were listed, or some could not be listed"),
});

/** Where a listing begins. */
export const listCursor = z
  .string()
  .min(1)
  .max(8_192)
  .optional()
  .describe("Where to begin: next_cursor of the same listing");

/** How many entries a listing has at most. */
export const listSize = z.int().min(1).max(10_000).optional().describe("Most entries in one answer, 10000 by default");

export const fileContent = z.strictObject({
  path: z.string().describe("File that was read"),
  size_bytes: z.int().describe("Length of the whole file"),
  offset: z.int().describe("Where the content begins"),
  bytes_read: z.int().describe("Length of the content in bytes"),
  truncated: z.boolean().describe("There is more after it"),
  encoding: z.enum(["utf-8", "base64"]).describe("Form of the content"),
  content: z.string().describe("The content"),
  redacted: z.boolean().describe("A secret's value in the content reads [REDACTED]"),
  sha256: z.string().nullable().describe("Hash of the whole file; null where this is a part of it, or redacted"),
});

export const readFields = {
  max_bytes: z.int().min(1).max(67_108_864).default(65_536).describe("Most bytes to read"),
  offset: z.int().min(0).default(0).describe("Byte to begin at"),
  encoding: z.enum(["utf-8", "base64"]).default("utf-8").describe("Form of the content; utf-8 refuses a binary file"),
};
