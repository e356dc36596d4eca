/** What a QEMU can do is read off what it prints of its version. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapsReadOnlyMemory, needsErmsOff, qemuVersion } from "./qemu-version.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-qemu-version-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

let records = 0;

/** A file of its own to remember the version in. */
function remembered(): string {
  records += 1;
  return join(directory, `vmm-${records}.json`);
}

/** A program in QEMU's place. */
function program(script: string): string {
  const path = join(directory, "qemu");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe("the version of a QEMU", () => {
  it.each([
    ["QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", { major: 7, minor: 2 }],
    ["QEMU emulator version 8.10.0", { major: 8, minor: 10 }],
    ["QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", { major: 10, minor: 0 }],
  ])("is read off %j", async (printed, version) => {
    const qemu = program(`[ "$*" = --version ] && printf '%s\\n' '${printed}' 'Copyright (c) 2003-2022'`);
    expect(await qemuVersion(remembered(), qemu)).toEqual(version);
  });

  it("is asked for once, and again when the binary is another", async () => {
    const record = remembered();
    expect(await qemuVersion(record, program("echo version 7.2"))).toEqual({ major: 7, minor: 2 });
    writeFileSync(record, readFileSync(record, "utf8").replace('"major":7', '"major":6'));
    expect(await qemuVersion(record, join(directory, "qemu"))).toEqual({ major: 6, minor: 2 });
    expect(await qemuVersion(record, program("echo version 10.0"))).toEqual({ major: 10, minor: 0 });
    writeFileSync(record, "{");
    expect(await qemuVersion(record, join(directory, "qemu"))).toEqual({ major: 10, minor: 0 });
  });

  it.each(["echo emulator of something else", "echo version", "exit 1", "kill -9 $$"])(
    "is a typed error where %j is all that it says",
    async (script) => {
      await expect(qemuVersion(remembered(), program(script))).rejects.toMatchObject({ code: "host_unsupported" });
    },
  );
});

describe("what a version can do", () => {
  it.each([
    [2, 11, false, true],
    [7, 2, false, true],
    [8, 1, false, true],
    [8, 2, true, true],
    [8, 10, true, true],
    [9, 0, true, false],
    [10, 0, true, false],
  ])("%i.%i maps memory read-only: %s; is better off without ERMS: %s", (major, minor, readOnly, withoutErms) => {
    expect(mapsReadOnlyMemory({ major, minor })).toBe(readOnly);
    expect(needsErmsOff({ major, minor })).toBe(withoutErms);
  });
});
