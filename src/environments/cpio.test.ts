/** The cpio writer, read back by the format and by cpio. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runProgram } from "../platform/programs.ts";
import { type CpioEntry, cpioArchive } from "./cpio.ts";

const entries: CpioEntry[] = [
  { kind: "directory", path: "modules", mode: 0o755 },
  { kind: "character-device", path: "console", mode: 0o600, major: 5, minor: 1 },
  ...["", "a", "ab", "abc", "abcd", "abcde"].map(
    (text): CpioEntry => ({ kind: "file", path: `modules/${text}.ko`, mode: 0o644, content: Buffer.from(text) }),
  ),
  { kind: "file", path: "init", mode: 0o755, content: Buffer.alloc(100_001, 7) },
];

/** Reads an archive back by the format's description alone. */
function parse(archive: Buffer): { path: string; mode: number; rdev: number[]; content: Buffer }[] {
  const found = [];
  for (let at = 0; ; ) {
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const path = archive.toString("utf8", at + 110, at + 110 + nameSize - 1);
    const start = Math.ceil((at + 110 + nameSize) / 4) * 4;
    const content = archive.subarray(start, start + size);
    if (path === "TRAILER!!!") return found;
    found.push({ path, mode, rdev: [field(9), field(10)], content });
    at = Math.ceil((start + size) / 4) * 4;
  }
}

describe("a cpio archive", () => {
  it("holds every entry with its kind, mode and content", () => {
    const found = parse(cpioArchive(entries));
    expect(found.map((entry) => entry.path)).toEqual(entries.map((entry) => entry.path));
    expect(found[0]?.mode).toBe(0o40755);
    expect(found[1]).toMatchObject({ mode: 0o20600, rdev: [5, 1] });
    for (const [index, entry] of entries.entries())
      if (entry.kind === "file") expect(found[index]?.content.equals(entry.content)).toBe(true);
  });

  it("is equal for equal entries", () => {
    expect(cpioArchive(entries).equals(cpioArchive(entries))).toBe(true);
  });

  it.skipIf(!existsSync("/usr/bin/cpio"))("is read by cpio", async () => {
    const { stdout } = await runProgram("/usr/bin/cpio", ["-it"], { stdin: cpioArchive(entries) });
    expect(stdout.trim().split("\n")).toEqual(entries.map((entry) => entry.path));
  });
});
