/** The output of one command on disk: files of a bounded size, each named by the position of its first byte. */
import { remove } from "../../platform/files.ts";
import { contentOf, GrowingFile } from "../../platform/quick-files.ts";
import type { historyFiles } from "../../store/paths.ts";
import { decodeFrames, encodeFrame, type Frame, type OutputStream } from "./frames.ts";

/** Largest file, and how many of the beginning and of the end are kept: 8 MiB each (docs/design/limits.md). */
export const SEGMENT_BYTES = 262_144;
const HEAD_SEGMENTS = 32;
const TAIL_SEGMENTS = 32;

/** Output that stands together: `bytes` begin at position `start`. */
export interface Piece {
  readonly start: number;
  readonly bytes: Buffer;
  readonly stream: OutputStream;
}

interface Segment {
  readonly start: number;
  /** Position behind its last byte */
  end: number;
  /** Size with the headers of its frames */
  file_bytes: number;
}

export class Segments {
  readonly #files: ReturnType<typeof historyFiles>;
  readonly #sequence: number;
  readonly #segments: Segment[] = [];
  #current: GrowingFile | undefined;

  constructor(files: ReturnType<typeof historyFiles>, sequence: number) {
    this.#files = files;
    this.#sequence = sequence;
  }

  /** Takes over a file that an earlier process wrote; to be called in the order of positions. */
  adopt(start: number): readonly Frame[] {
    const content = contentOf(this.#files.segment(this.#sequence, start));
    const frames = [...decodeFrames(content)];
    const end = frames.reduce((sum, { payload }) => sum + payload.length, start);
    this.#segments.push({ start, end, file_bytes: content.length });
    return frames;
  }

  /** Bytes on disk, headers included. */
  get file_bytes(): number {
    return this.#segments.reduce((sum, { file_bytes }) => sum + file_bytes, 0);
  }

  get is_empty(): boolean {
    return this.#segments.length === 0;
  }

  /** Position behind the last byte that is kept. */
  get end(): number {
    return this.#segments.at(-1)?.end ?? 0;
  }

  /** Ranges of positions that are kept. */
  get kept(): { start: number; end: number }[] {
    const ranges: { start: number; end: number }[] = [];
    for (const { start, end } of this.#segments) {
      const last = ranges.at(-1);
      if (last?.end === start) last.end = end;
      else ranges.push({ start, end });
    }
    return ranges;
  }

  /** Adds output at a position; throws where the disk does not take it. */
  append(stream: OutputStream, offset_ms: number, position: number, payload: Buffer): void {
    const frame = encodeFrame(stream, offset_ms, payload);
    const segment = this.#segmentFor(position, frame.length);
    this.#current?.append(frame);
    segment.end += payload.length;
    segment.file_bytes += frame.length;
  }

  /** Gives up the oldest part that is neither the first nor the last; false where there is none. */
  spare(): boolean {
    return this.#drop(Math.min(HEAD_SEGMENTS, this.#segments.length - 2));
  }

  /** Removes everything. */
  clear(): void {
    this.close();
    for (const { start } of this.#segments.splice(0)) remove(this.#files.segment(this.#sequence, start));
  }

  /** Ends the last file; what is added later goes into another one. */
  close(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  /** What is kept from a position on. */
  *pieces(from: number): Generator<Piece> {
    for (const { start, end } of [...this.#segments]) {
      if (end <= from) continue;
      let position = start;
      for (const { stream, payload } of decodeFrames(contentOf(this.#files.segment(this.#sequence, start)))) {
        const skipped = Math.max(0, from - position);
        if (skipped < payload.length) yield { start: position + skipped, bytes: payload.subarray(skipped), stream };
        position += payload.length;
      }
    }
  }

  #segmentFor(position: number, bytes: number): Segment {
    const last = this.#segments.at(-1);
    const fits = last !== undefined && last.end === position && last.file_bytes + bytes <= SEGMENT_BYTES;
    if (fits && this.#current !== undefined) return last;
    this.close();
    this.#current = new GrowingFile(this.#files.segment(this.#sequence, position));
    const segment = { start: position, end: position, file_bytes: 0 };
    this.#segments.push(segment);
    if (this.#segments.length > HEAD_SEGMENTS + TAIL_SEGMENTS) this.#drop(HEAD_SEGMENTS);
    return segment;
  }

  #drop(index: number): boolean {
    if (index < 1 || index > this.#segments.length - 2) return false;
    const [dropped] = this.#segments.splice(index, 1);
    if (dropped !== undefined) remove(this.#files.segment(this.#sequence, dropped.start));
    return true;
  }
}
