/** Record framing against every split and hostile lengths. */
import { describe, expect, it } from "vitest";
import { MAX_RECORD_BYTES } from "./messages.ts";
import { RecordDecoder, recordHeader, type WireRecord } from "./records.ts";

function encode(kind: number, payload: Buffer): Buffer {
  return Buffer.concat([recordHeader(kind, payload.length), payload]);
}

function decode(chunks: readonly Buffer[]): { records: WireRecord[]; partial: boolean } {
  const decoder = new RecordDecoder();
  const records = chunks.flatMap((chunk) => [...decoder.push(chunk)]);
  return { records, partial: decoder.partial };
}

const sent = [
  { kind: 1, payload: Buffer.from("first") },
  { kind: 2, payload: Buffer.alloc(0) },
  { kind: 0, payload: Buffer.from('{"event":"started","pid":1}') },
  { kind: 255, payload: Buffer.from([0, 255, 0]) },
];
const bytes = Buffer.concat(sent.map(({ kind, payload }) => encode(kind, payload)));

describe("recordHeader", () => {
  it("is kind and big-endian length", () => {
    expect([...recordHeader(2, 0x01020304)]).toEqual([2, 1, 2, 3, 4]);
  });
});

describe("RecordDecoder", () => {
  it("gives the same records however the bytes are split in two", () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({ records: sent, partial: false });
    }
  });

  it("gives the same records byte by byte, and with empty chunks between", () => {
    const single = [...bytes].flatMap((byte) => [Buffer.from([byte]), Buffer.alloc(0)]);
    expect(decode(single)).toEqual({ records: sent, partial: false });
  });

  it("knows after each byte whether a record has begun", () => {
    const decoder = new RecordDecoder();
    const states = [...encode(1, Buffer.from("ab"))].map((byte) => [
      [...decoder.push(Buffer.from([byte]))].length,
      decoder.partial,
    ]);
    expect(states).toEqual([...Array.from({ length: 6 }, () => [0, true]), [1, false]]);
  });

  it("takes a record without payload, and one of the largest size", () => {
    const largest = Buffer.alloc(MAX_RECORD_BYTES, 7);
    const { records, partial } = decode([encode(1, Buffer.alloc(0)), encode(2, largest)]);
    expect(records.map(({ kind, payload }) => [kind, payload.length])).toEqual([
      [1, 0],
      [2, MAX_RECORD_BYTES],
    ]);
    expect(records[1]?.payload.equals(largest)).toBe(true);
    expect(partial).toBe(false);
  });

  it.each([MAX_RECORD_BYTES + 1, 0x7fffffff, 0x80000000, 0xffffffff])(
    "refuses a length of %i before it allocates",
    (length) => {
      const before = process.memoryUsage().arrayBuffers;
      expect(() => decode([recordHeader(1, length)])).toThrowError(
        expect.objectContaining({ code: "protocol_violation", message: expect.stringContaining(String(length)) }),
      );
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_048_576);
    },
  );

  it("gives the records before a length that it refuses", () => {
    const decoder = new RecordDecoder();
    const reading = decoder.push(Buffer.concat([encode(1, Buffer.from("ok")), recordHeader(1, 0xffffffff)]));
    expect(reading.next().value).toEqual({ kind: 1, payload: Buffer.from("ok") });
    expect(() => reading.next()).toThrow("4294967295");
  });

  // Processor time, which other work on this machine does not add to.
  it("takes time in proportion to the bytes, whatever the chunks", { retry: 2 }, () => {
    const time = (size: number): number => {
      const chunks = [...encode(1, Buffer.alloc(size))].map((byte) => Buffer.from([byte]));
      const started = process.cpuUsage().user;
      expect(decode(chunks).records).toHaveLength(1);
      return (process.cpuUsage().user - started) / 1000;
    };
    time(1000);
    const short = Math.min(time(50_000), time(50_000));
    const long = Math.min(time(400_000), time(400_000));
    // Eight times the bytes; quadratic work would take 64 times as long.
    expect(long).toBeLessThan(Math.max(short, 2) * 32);
  });

  it("takes many records in one chunk without copying the rest each time", () => {
    const count = 100_000;
    const started = performance.now();
    expect(
      decode([Buffer.concat(Array.from({ length: count }, () => encode(1, Buffer.from("x"))))]).records,
    ).toHaveLength(count);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
