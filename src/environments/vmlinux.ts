/** Takes the ELF kernel out of a bzImage whose payload is a legacy LZ4 frame, as Debian's is. */
import { PyroError } from "../contract/errors.ts";

// Offsets of the x86 boot protocol's setup header (Documentation/arch/x86/boot.rst).
const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR = 512;

const LZ4_LEGACY_MAGIC = 0x184c2102;
const LZ4_BLOCK_BYTES = 8 * 1024 * 1024;
const ELF_MAGIC = 0x464c457f;
const MAX_KERNEL_BYTES = 256 * 1024 * 1024;

/** The kernel to boot: the ELF image where it can be taken out, the bzImage as it is with the reason otherwise. */
export type BootableKernel =
  | { readonly format: "elf"; readonly content: Buffer }
  | { readonly format: "bzimage"; readonly content: Buffer; readonly reason: string };

/** Finds the ELF image in a bzImage. */
export function bootableKernel(bzImage: Buffer): BootableKernel {
  const payload = payloadOf(bzImage);
  const magic = payload.readUInt32LE(0);
  if (magic !== LZ4_LEGACY_MAGIC) {
    const reason = `its payload is not a legacy LZ4 frame but starts with ${payload.subarray(0, 4).toString("hex")}`;
    return { format: "bzimage", content: bzImage, reason };
  }
  const content = decodeLegacyFrame(payload.subarray(4));
  if (content.length < 4 || content.readUInt32LE(0) !== ELF_MAGIC) throw damaged("its payload is not an ELF image");
  return { format: "elf", content };
}

function payloadOf(bzImage: Buffer): Buffer {
  if (bzImage.length < 0x250 || bzImage.toString("latin1", HEADER_MAGIC, HEADER_MAGIC + 4) !== "HdrS")
    throw damaged("it has no boot header");
  const start = ((bzImage[SETUP_SECTORS] || 4) + 1) * SECTOR + bzImage.readUInt32LE(PAYLOAD_OFFSET);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(PAYLOAD_LENGTH));
  if (payload.length < 12) throw damaged("its payload is cut off");
  return payload;
}

/** The kernel's build appends the unpacked size to the frame. */
function decodeLegacyFrame(frame: Buffer): Buffer {
  const size = frame.readUInt32LE(frame.length - 4);
  if (size > MAX_KERNEL_BYTES) throw damaged("its payload is too large");
  const out = Buffer.alloc(size);
  let done = 0;
  for (let at = 0; at + 4 < frame.length; ) {
    const length = frame.readUInt32LE(at);
    const block = frame.subarray(at + 4, at + 4 + length);
    done = decodeBlock(block, out, done);
    at += 4 + length;
  }
  if (done !== size) throw damaged(`its payload has ${done} bytes and claims ${size}`);
  return out;
}

/** Decodes one LZ4 block into `out` from `start` on; gives the new end. */
export function decodeBlock(block: Uint8Array, out: Uint8Array, start: number): number {
  const limit = Math.min(out.length, start + LZ4_BLOCK_BYTES);
  let from = 0;
  let to = start;
  const lengthAfter = (nibble: number): number => {
    let length = nibble;
    for (let next = nibble === 15 ? 255 : 0; next === 255; length += next) next = block[from++] ?? 0;
    return length;
  };
  while (from < block.length) {
    const token = block[from++] ?? 0;
    const literals = lengthAfter(token >> 4);
    if (from + literals > block.length || to + literals > limit) throw damaged("its payload does not decode");
    out.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from >= block.length) break;
    const distance = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8);
    from += 2;
    const matched = lengthAfter(token & 15) + 4;
    if (distance === 0 || distance > to - start || to + matched > limit) throw damaged("its payload does not decode");
    if (distance >= matched) out.copyWithin(to, to - distance, to - distance + matched);
    else for (let index = 0; index < matched; index += 1) out[to + index] = out[to + index - distance] ?? 0;
    to += matched;
  }
  return to;
}

function damaged(problem: string): PyroError {
  return new PyroError("environment_build_failed", `the kernel image cannot be used: ${problem}`);
}
