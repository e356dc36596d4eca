/** What a QEMU can do is read off what it prints of its version. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapsReadOnlyMemory } from "./qemu-version.ts";

const { signal } = new AbortController();
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-qemu-version-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A program in QEMU's place. */
function program(script: string): string {
  const path = join(directory, "qemu");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe("memory that is mapped from a file opened for reading alone", () => {
  it.each([
    ["QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", false],
    ["QEMU emulator version 8.1.5", false],
    ["QEMU emulator version 8.2.0", true],
    ["QEMU emulator version 8.10.0", true],
    ["QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", true],
    ["QEMU emulator version 2.11.1", false],
    ["emulator of something else", false],
    ["version", false],
    ["", false],
  ])("with %j: %s", async (version, isPossible) => {
    const qemu = program(`[ "$*" = --version ] && printf '%s\\n' '${version}' 'Copyright (c) 2003-2022'`);
    expect(await mapsReadOnlyMemory(qemu, signal)).toBe(isPossible);
  });

  it("is not relied on where the version cannot be asked for", async () => {
    expect(await mapsReadOnlyMemory(program("exit 1"), signal)).toBe(false);
    expect(await mapsReadOnlyMemory(program("kill -9 $$"), signal)).toBe(false);
  });

  it("is a typed error where QEMU is not there, or the caller cancels", async () => {
    await expect(mapsReadOnlyMemory(join(directory, "none"), signal)).rejects.toMatchObject({ code: "host_io_failed" });
    const sleeper = mapsReadOnlyMemory(program("exec sleep 60"), AbortSignal.timeout(100));
    await expect(sleeper).rejects.toMatchObject({ code: "cancelled" });
  });
});
