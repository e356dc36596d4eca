/** Taking the ELF kernel out of a bzImage, whole, foreign or hostile. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runProgram } from "../platform/programs.ts";
import { bootableKernel, decodeBlock } from "./vmlinux.ts";

/** A bzImage with this payload. */
function bzImage(payload: Buffer): Buffer {
  const setup = Buffer.alloc(3 * 512);
  setup[0x1f1] = 2;
  setup.write("HdrS", 0x202, "latin1");
  setup.writeUInt32LE(16, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(16), payload, randomBytes(64)]);
}

/** A legacy frame of literals only, with the size after it. */
function legacyFrame(content: Buffer): Buffer {
  const rest = content.length - 15;
  const lengths = [...Array.from({ length: Math.floor(rest / 255) }, () => 255), rest % 255];
  const block = Buffer.concat([Buffer.from([0xf0, ...lengths]), content]);
  const size = (value: number) => Buffer.from(new Uint32Array([value]).buffer);
  return Buffer.concat([Buffer.from("02214c18", "hex"), size(block.length), block, size(content.length)]);
}

const elf = Buffer.concat([Buffer.from("7f454c46", "hex"), randomBytes(5000)]);

describe("a bzImage", () => {
  it("gives its ELF image", () => {
    const kernel = bootableKernel(bzImage(legacyFrame(elf)));
    expect(kernel.format).toBe("elf");
    expect(kernel.content.equals(elf)).toBe(true);
  });

  it("is kept as it is, with the reason, when its payload is of another kind", () => {
    const image = bzImage(Buffer.concat([Buffer.from("28b52ffd", "hex"), randomBytes(100)]));
    expect(bootableKernel(image)).toMatchObject({
      format: "bzimage",
      content: image,
      reason: expect.stringContaining("28b52ffd"),
    });
  });

  it("is refused when it is cut off or not a kernel", () => {
    const frame = legacyFrame(elf);
    const broken = [
      Buffer.alloc(10),
      randomBytes(4000),
      bzImage(frame).subarray(0, 1600),
      bzImage(legacyFrame(randomBytes(500))),
    ];
    const lying = Buffer.from(frame);
    lying.writeUInt32LE(elf.length + 1, frame.length - 4);
    for (const image of [...broken, bzImage(lying)])
      expect(() => bootableKernel(image)).toThrow(expect.objectContaining({ code: "environment_build_failed" }));
  });

  it.skipIf(!existsSync("/usr/bin/lz4"))("is decoded as lz4 encodes it", async () => {
    const text = Buffer.concat([
      elf,
      Buffer.from("abcabcabc".repeat(100_000)),
      Buffer.alloc(9_000_000),
      randomBytes(300),
    ]);
    const script = "lz4 -l -9 -c | base64 -w 0";
    const run = await runProgram("/bin/sh", ["-c", script], { stdin: text, max_output_bytes: 16_000_000 });
    const size = Buffer.from(new Uint32Array([text.length]).buffer);
    const kernel = bootableKernel(bzImage(Buffer.concat([Buffer.from(run.stdout, "base64"), size])));
    const hash = (content: Buffer) => createHash("sha256").update(content).digest("hex");
    expect(hash(kernel.content)).toBe(hash(text));
  });

  it("never writes outside its output, whatever the block says", () => {
    for (let round = 0; round < 2000; round += 1) {
      const out = Buffer.alloc(256);
      try {
        expect(decodeBlock(randomBytes(64), out, 100)).toBeLessThanOrEqual(256);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "environment_build_failed" });
      }
      expect(out.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
    }
  });
});
