/** Cached files count only if whole, and hashing is spared while they are untouched. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namelessFile } from "../platform/files.ts";
import { type StatePaths, statePaths } from "../store/paths.ts";
import { openSealed, publishSealed } from "./sealed.ts";
import { openVerified } from "./verify.ts";

const content = Buffer.alloc(300_000, 5);
const sha256 = createHash("sha256").update(content).digest("hex");
let directory: string;
let paths: StatePaths;
let image: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-verify-"));
  paths = statePaths({ PYRO_HOME: join(directory, "home") });
  paths.prepareCache();
  image = paths.image(sha256);
});
afterAll(() => rmSync(directory, { recursive: true }));

async function stateOf(path: string): Promise<string> {
  const verified = await openVerified(path, sha256, paths);
  if (verified.state === "whole") verified.file.close();
  return verified.state;
}

/** Changes one bit and puts the modification time back. */
function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
}

describe("a cached file", () => {
  it("is absent, then whole, and hashed only once", async () => {
    expect(await stateOf(image)).toBe("absent");
    writeFileSync(image, content);
    utimesSync(image, 1_700_000_000, 1_700_000_000);
    expect(await stateOf(image)).toBe("whole");
    const stamp = paths.verifiedStamp(sha256);
    const before = readFileSync(stamp, "utf8");
    const stale = { ...JSON.parse(before), ino: "1" };
    writeFileSync(stamp, JSON.stringify(stale));
    expect(await stateOf(image)).toBe("whole");
    expect(readFileSync(stamp, "utf8")).toBe(before);
  });

  it("is damaged by one flipped bit, with size and time as before", async () => {
    flipBit(image);
    expect(await stateOf(image)).toBe("damaged");
    writeFileSync(image, content);
    expect(await stateOf(image)).toBe("whole");
  });

  it("is damaged when it is cut off", async () => {
    truncateSync(image, 299_999);
    expect(await stateOf(image)).toBe("damaged");
    writeFileSync(image, content);
  });

  it("is hashed when its stamp is damaged", async () => {
    writeFileSync(paths.verifiedStamp(sha256), "{");
    expect(await stateOf(image)).toBe("whole");
  });

  it("is used through the descriptor that was checked", async () => {
    const verified = await openVerified(image, sha256, paths);
    if (verified.state !== "whole") throw new Error("not whole");
    rmSync(image);
    writeFileSync(image, "something else");
    expect(verified.file.readAll().equals(content)).toBe(true);
    verified.file.close();
  });
});

describe("a sealed file", () => {
  it("counts only with its seal and its content", async () => {
    const path = paths.newDisk("blank", 1);
    expect(await openSealed(path, paths)).toBeUndefined();
    const file = namelessFile(paths.disks);
    file.write(content);
    (await publishSealed(file, path, paths)).close();
    file.close();
    (await openSealed(path, paths))?.close();
    chmodSync(path, 0o600);
    flipBit(path);
    expect(await openSealed(path, paths)).toBeUndefined();
    rmSync(paths.seal(path));
    expect(await openSealed(path, paths)).toBeUndefined();
    expect(existsSync(path)).toBe(true);
  });
});
