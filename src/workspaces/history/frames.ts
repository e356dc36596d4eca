/** Output in a file: frames of one stream each, in the order in which it came, with the time since the command began. */

export type OutputStream = "stdout" | "stderr";

export interface Frame {
  readonly stream: OutputStream;
  readonly offset_ms: number;
  readonly payload: Buffer;
}

/** Stream (1 byte), milliseconds (4), length (4), big-endian. */
export const FRAME_HEADER_BYTES = 9;

const LARGEST_OFFSET_MS = 0xffff_ffff;
const numberOf = { stdout: 1, stderr: 2 } as const;

/** A frame as it stands in a file. */
export function encodeFrame(stream: OutputStream, offset_ms: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.writeUInt8(numberOf[stream], 0);
  frame.writeUInt32BE(Math.min(LARGEST_OFFSET_MS, Math.max(0, Math.round(offset_ms))), 1);
  frame.writeUInt32BE(payload.length, 5);
  payload.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}

/** The frames of a file; one that was cut while it was written gives what there is, and what is no frame ends them. */
export function* decodeFrames(bytes: Buffer): Generator<Frame> {
  for (let at = 0; at + FRAME_HEADER_BYTES < bytes.length; ) {
    const kind = bytes.readUInt8(at);
    if (kind !== numberOf.stdout && kind !== numberOf.stderr) return;
    const start = at + FRAME_HEADER_BYTES;
    const end = start + bytes.readUInt32BE(at + 5);
    const stream = kind === numberOf.stdout ? "stdout" : "stderr";
    yield { stream, offset_ms: bytes.readUInt32BE(at + 1), payload: bytes.subarray(start, end) };
    at = end;
  }
}
