/** What the file system says of a file's identity, by which untouched content is told from changed content without reading it. */
import { z } from "zod";

/** What identifies the unchanged content of a file; decimal strings, since times are in `ns`. */
export const fileStamp = z.strictObject({
  dev: z.string(),
  ino: z.string(),
  size: z.string(),
  mtime_ns: z.string(),
  ctime_ns: z.string(),
});

export type FileStamp = Readonly<z.infer<typeof fileStamp>>;

/** Whether two stamps are of the same file with the same content. */
export function isSameStamp(one: FileStamp, other: FileStamp): boolean {
  return fileStamp.keyof().options.every((key) => one[key] === other[key]);
}
