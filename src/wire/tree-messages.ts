/** The messages of the methods on trees of files. */
import { z } from "zod";

/** Longest path and symlink target, in bytes: what Linux takes, without the NUL. */
export const MAX_PATH_BYTES = 4095;

/** Most names in a path. */
export const MAX_PATH_DEPTH = 256;

/** Most paths of one `read`. */
export const MAX_READ_PATHS = 4096;

const MAX_ENTRIES_PER_RECORD = 4096;
const MAX_BASE64 = Math.ceil(MAX_PATH_BYTES / 3) * 4;

const count = z.int().min(0);
const absolutePath = z.string().startsWith("/").max(MAX_PATH_BYTES);
/** Bytes as text; in base64 where they are not UTF-8. */
const byteText = z.union([z.string().max(MAX_PATH_BYTES), z.strictObject({ base64: z.base64().max(MAX_BASE64) })]);
/** 64 bits, in decimal: as numbers they would be rounded. */
const signed64 = z.string().regex(/^-?(0|[1-9]\d{0,18})$/);
const unsigned64 = z.string().regex(/^(0|[1-9]\d{0,19})$/);
const mode = z.int().min(0).max(0o7777);
const kind = z.enum(["file", "directory", "symlink", "other"]);
const index = z
  .int()
  .min(0)
  .max(MAX_READ_PATHS - 1);

const stat = z.strictObject({
  kind,
  mode,
  size_bytes: count,
  mtime_ns: signed64,
  ctime_ns: signed64,
  inode: unsigned64,
  link_target: byteText.nullable(),
});

const expect = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("absent") }),
  z.strictObject({
    state: z.literal("present"),
    kind,
    size_bytes: count,
    mtime_ns: signed64,
    ctime_ns: signed64,
    inode: unsigned64,
  }),
]);

/** Message schemas by method and direction. */
export const treeMessages = {
  "walk.request": z.strictObject({
    root: absolutePath,
    path: byteText,
    recursive: z.boolean(),
    max_entries: count,
    /** Entry behind which to begin */
    after: byteText.nullable(),
    known: z.array(z.strictObject({ path: byteText, digest: unsigned64 })).nullable(),
  }),
  "walk.event": z.discriminatedUnion("event", [
    z.strictObject({
      event: z.literal("entries"),
      entries: z
        .array(z.strictObject({ path: byteText, stat }))
        .min(1)
        .max(MAX_ENTRIES_PER_RECORD),
    }),
    z.strictObject({ event: z.literal("same"), path: byteText, count }),
    z.strictObject({ event: z.literal("digest"), path: byteText, digest: unsigned64 }),
    z.strictObject({ event: z.literal("ended"), count, cut: z.boolean(), unlisted: count }),
  ]),
  "read.request": z.strictObject({
    root: absolutePath,
    paths: z.array(byteText).max(MAX_READ_PATHS),
    max_bytes: count.nullable(),
    offset: count,
    follow: z.boolean(),
  }),
  "read.event": z.discriminatedUnion("event", [
    z.strictObject({ event: z.literal("entry"), index, stat }),
    z.strictObject({ event: z.literal("ended"), index, bytes: count, changed: z.boolean() }),
    z.strictObject({
      event: z.literal("failed"),
      index,
      bytes: count,
      code: z.string().regex(/^[a-z_]{1,64}$/),
      errno: z.int().nullable(),
    }),
  ]),
  "write.params": z.strictObject({ root: absolutePath, dest: byteText, replace: z.boolean() }),
  "write.item": z.discriminatedUnion("item", [
    z.strictObject({
      item: z.literal("entry"),
      path: byteText,
      kind: z.enum(["file", "directory", "symlink", "delete"]),
      mode,
      size_bytes: count,
      link_target: byteText.nullable(),
      expect: expect.nullable(),
    }),
    z.strictObject({ item: z.literal("commit") }),
  ]),
  "write.response": z.strictObject({ entries: count, bytes: count }),
} as const;

/** Bytes of a name on the wire. */
export type ByteText = z.infer<typeof byteText>;
/** What the guest's kernel knows of an entry, as it stands on the wire. */
export type WireStat = z.infer<typeof stat>;
/** What the host believes to be at a path. */
export type Expectation = z.infer<typeof expect>;
