/** Files in which people keep settings: read through symbolic links, as such files are often kept elsewhere. */
import * as fs from "node:fs";
import { PyroError } from "../contract/errors.ts";
import { errnoOf, ioError, OpenFile } from "./files.ts";

/** Largest file of settings, in bytes. */
const MAX_BYTES = 4 * 1_048_576;

/** The text of such a file; undefined where there is none. */
export function readSettings(path: string): string | undefined {
  let file: OpenFile;
  try {
    file = new OpenFile(fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK), path);
  } catch (thrown) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(thrown) ?? "")) return undefined;
    throw ioError(thrown, "open", path);
  }
  try {
    const size = file.size();
    if (file.mode() === undefined || size > MAX_BYTES)
      throw new PyroError("config_invalid", `"${path}" is no regular file of up to ${MAX_BYTES} bytes`);
    return file.readAll().toString("utf8");
  } finally {
    file.close();
  }
}
