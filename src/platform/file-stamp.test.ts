/** A stamp stays while a file is read, and changes with whatever could have changed its content. */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FileStamp, fileStamp, isSameStamp } from "./file-stamp.ts";
import { openReadOnly } from "./files.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-stamp-"));
  path = join(directory, "file");
  writeFileSync(path, "content");
});
afterEach(() => rmSync(directory, { recursive: true }));

function stampOf(name: string): FileStamp {
  const file = openReadOnly(name);
  if (file === undefined) throw new Error(`no ${name}`);
  const stamp = file.stamp();
  file.close();
  return stamp;
}

/** Waits until the file system's clock has gone on, which is coarser than ours. */
async function nextTick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 15));
}

/** Writes other content of the same size and puts the times of before back. */
function rewriteUnseen(): void {
  const { atime, mtime } = statSync(path);
  const fd = openSync(path, "r+");
  writeSync(fd, "CONTENT");
  closeSync(fd);
  utimesSync(path, atime, mtime);
}

describe("a stamp", () => {
  it("is the same only where every part is", () => {
    const stamp = stampOf(path);
    expect(isSameStamp(stamp, { ...stamp })).toBe(true);
    for (const part of fileStamp.keyof().options)
      expect(isSameStamp(stamp, { ...stamp, [part]: `${stamp[part]}0` })).toBe(false);
  });

  it("survives its JSON", () => {
    const stamp = stampOf(path);
    expect(isSameStamp(fileStamp.parse(JSON.parse(JSON.stringify(stamp))), stamp)).toBe(true);
  });

  it("stays while the file is read", async () => {
    const before = stampOf(path);
    await nextTick();
    readFileSync(path);
    expect(stampOf(path)).toEqual(before);
  });

  it.each([
    ["written", () => writeFileSync(path, "CONTENT")],
    ["written and its times put back", rewriteUnseen],
    ["cut off", () => truncateSync(path, 3)],
    ["made longer", () => truncateSync(path, 100)],
    ["opened to others", () => chmodSync(path, 0o666)],
    ["given a second name", () => linkSync(path, join(directory, "second"))],
    [
      "replaced by a copy",
      () => {
        copyFileSync(path, join(directory, "copy"));
        renameSync(join(directory, "copy"), path);
      },
    ],
  ])("changes when the file is %s", async (_how, change) => {
    const before = stampOf(path);
    await nextTick();
    change();
    expect(isSameStamp(before, stampOf(path))).toBe(false);
  });
});
