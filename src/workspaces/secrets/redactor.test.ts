/** Values of secrets are replaced in every form that is looked for, wherever output is cut; what is not looked for is listed. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formsOf } from "./forms.ts";
import { REDACTED } from "./redacting-stream.ts";
import { Redactor } from "./redactor.ts";

const KEY = "s3cr3t/Key+\"with' odd & {JSON}";
const value = Buffer.from(KEY);
const at = (offset: number) =>
  Buffer.concat([Buffer.alloc(offset, "x"), value, Buffer.from("tail")]).toString("base64");
const url64 = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_");

/** What programs may make of a value, and whether it is looked for. */
const shapes: readonly (readonly [string, boolean, string])[] = [
  ["as it is", true, KEY],
  ["in JSON", true, JSON.stringify({ key: KEY })],
  ["in JSON with every character escaped", true, KEY.replace(/[\s\S]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
  ["in an address", true, encodeURIComponent(KEY)],
  ["in an address, small digits", true, encodeURIComponent(KEY).replace(/%../g, (each) => each.toLowerCase())],
  ["in a form", true, new URLSearchParams({ key: KEY }).toString()],
  ["base64 at 0", true, at(0)],
  ["base64 at 1", true, at(1)],
  ["base64 at 2", true, at(2)],
  ["base64url", true, url64(at(0))],
  ["hexadecimal", true, value.toString("hex")],
  ["hexadecimal, large digits", true, value.toString("hex").toUpperCase()],
  ["reversed", false, [...KEY].reverse().join("")],
  ["spaced", false, [...KEY].join(" ")],
  ["base64 in lines", false, at(0).replace(/(.{8})/g, "$1\n")],
  ["with colours within", false, `${KEY.slice(0, 5)}\u001b[1m${KEY.slice(5)}`],
  ["UTF-16", false, Buffer.from(KEY, "utf16le").toString("latin1")],
  ["a hash", false, createHash("sha256").update(value).digest("hex")],
];

const redactor = new Redactor([value]);

/** Everything that comes out when the bytes come in these chunks. */
function shown(by: Redactor, chunks: readonly Buffer[], pauses = false): string {
  const stream = by.stream();
  const out = chunks.flatMap((chunk) => [stream.push(chunk), ...(pauses ? [stream.settle()] : [])]);
  return Buffer.concat([...out, stream.end()]).toString("latin1");
}

function splits(bytes: Buffer): Buffer[][] {
  const single = Array.from(bytes, (byte) => Buffer.of(byte));
  return [single, ...single.map((_, cut) => [bytes.subarray(0, cut), bytes.subarray(cut)])];
}

/** A generator of numbers below `limit` that is the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe("a value", () => {
  it.each(shapes.filter(([, isCovered]) => isCovered))("%s is replaced at every split", (_, __, text) => {
    const bytes = Buffer.from(`before ${text} after\n`);
    const whole = shown(redactor, [bytes]);
    expect(whole).toContain(REDACTED);
    expect(whole).toMatch(/^before .* after\n$/s);
    for (const chunks of splits(bytes)) expect(shown(redactor, chunks)).toBe(whole);
    // A few characters beside it do not depend on it alone.
    expect(whole.length - REDACTED.length).toBeLessThan("before {'key':''}tail after\n".length + 12);
  });

  it.each(shapes.filter(([, isCovered]) => !isCovered))("%s is not looked for", (_, __, text) => {
    const bytes = Buffer.from(`before ${text} after\n`, "latin1");
    expect(shown(redactor, [bytes])).toBe(bytes.toString("latin1"));
  });

  it("leaks nothing of any form at any split, and nothing is held that cannot begin one", () => {
    for (const form of formsOf(value)) {
      for (const chunks of splits(Buffer.concat([Buffer.from("<"), form, Buffer.from("\u0001")])))
        expect(shown(redactor, chunks)).toBe(`<${REDACTED}\u0001`);
    }
    const stream = redactor.stream();
    expect(stream.push(Buffer.from("nothing of it")).toString()).toBe("nothing of it");
    expect(stream.push(Buffer.from("prompt> s3c")).toString()).toBe("prompt> ");
    expect(stream.push(Buffer.from("ond")).toString()).toBe("s3cond");
  });

  it("is shown as a mark as soon as it is complete", () => {
    expect(redactor.stream().push(value).toString()).toBe(REDACTED);
  });

  it("that is cut off at the end is replaced, in a whole text it is not there", () => {
    const cut = Buffer.from(`say ${KEY.slice(0, 12)}`);
    expect(shown(redactor, [cut])).toBe(`say ${REDACTED}`);
    expect(redactor.text(cut.toString())).toBe(cut.toString());
    expect(shown(redactor, [Buffer.from(`say ${KEY.slice(0, 7)}`)])).toBe(`say ${KEY.slice(0, 7)}`);
  });

  it("gives three bytes at most where output pauses within it", () => {
    const bytes = Array.from(Buffer.from(`a ${KEY} b`), (byte) => Buffer.of(byte));
    expect(shown(redactor, bytes, true)).toBe(`a ${KEY.slice(0, 3)}${REDACTED} b`);
  });

  it("beside, within and across another is replaced as one, or as two", () => {
    const two = new Redactor([Buffer.from("abcdefghij"), Buffer.from("defghijklm"), Buffer.from("cdefghijk")]);
    const text = (bytes: string) => {
      const all = splits(Buffer.from(bytes)).map((chunks) => shown(two, chunks));
      expect(new Set(all).size).toBe(1);
      return all[0];
    };
    expect(text("xabcdefghijklmx")).toBe(`x${REDACTED}x`);
    expect(text("abcdefghijabcdefghij")).toBe(REDACTED + REDACTED);
    expect(text("abcdefghi!")).toBe("abcdefghi!");
    expect(text("abcdefghijk!")).toBe(`${REDACTED}!`);
  });

  it("of several lines is replaced line by line; the armour of a key stays", () => {
    const lines = [
      "-----BEGIN PRIVATE KEY-----",
      "MIIEvQIBADANBgkq",
      "short",
      "hkiG9w0BAQEFAASC",
      "-----END PRIVATE KEY-----",
    ];
    const pem = new Redactor([Buffer.from(`${lines.join("\n")}\n`)]);
    expect(pem.text(`${lines[1]}\n${lines[2]}\n${lines[0]}`)).toBe(`${REDACTED}\nshort\n${lines[0]}`);
    expect(pem.text(lines.join("\n"))).toBe(REDACTED);
    expect(pem.text(lines.join("\r\n"))).toBe(REDACTED);
  });

  it("without its final newline is the same value", () => {
    const file = new Redactor([Buffer.from("token-of-a-file\n")]);
    expect(file.text("[token-of-a-file]")).toBe(`[${REDACTED}]`);
    expect(file.text("token-of-a-file\n!")).toBe(`${REDACTED}\n!`);
    expect(file.text(Buffer.from("token-of-a-file").toString("base64"))).toBe(REDACTED);
  });

  it("of 64 KiB is replaced as far as it goes on, at any split around its ends", () => {
    const random = numbers(7);
    const long = Buffer.from(Array.from({ length: 65_536 }, () => random(256)));
    const by = new Redactor([long]);
    for (const text of [long, Buffer.from(long.toString("hex")), Buffer.from(long.toString("base64"))]) {
      const bytes = Buffer.concat([Buffer.from("<<"), text, Buffer.from("\u0001>")]);
      for (const cut of [1, 2, 3, 200, 257, 258, 259, 300, bytes.length - 3, bytes.length - 2, bytes.length - 1])
        expect(shown(by, [bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(`<<${REDACTED}\u0001>`);
    }
    const half = long.subarray(0, 40_000);
    expect(shown(by, [half, Buffer.from("end")])).toBe(`${REDACTED}end`);
  });
});

describe("random output", () => {
  it("is what a plain search makes of it, whatever its chunks", () => {
    const random = numbers(42);
    const word = (length: number) => Array.from({ length }, () => "ab"[random(2)]).join("");
    for (let round = 0; round < 300; round += 1) {
      const values = [word(8), word(9), word(11)];
      const by = new Redactor(values.map((each) => Buffer.from(each)));
      const text = `${word(40)} ${values[random(3)]}${word(30)} `;
      const expected = plain(text, values);
      for (let time = 0; time < 4; time += 1) expect(shown(by, chunked(Buffer.from(text), random))).toBe(expected);
    }
  });

  it("without secrets is passed on as it is", () => {
    const bytes = Buffer.from("anything");
    const none = new Redactor([]);
    expect(none.isIdle).toBe(true);
    expect(none.stream().push(bytes)).toBe(bytes);
  });
});

function chunked(bytes: Buffer, random: (limit: number) => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + random(12);
    chunks.push(bytes.subarray(from, to));
    from = to;
  }
  return chunks;
}

/** Marks every occurrence, joins those that overlap, and writes a mark for each. */
function plain(text: string, values: readonly string[]): string {
  const spans: [number, number][] = [];
  for (let start = 0; start < text.length; start += 1)
    for (const each of values) if (text.startsWith(each, start)) spans.push([start, start + each.length]);
  const joined: [number, number][] = [];
  for (const [start, end] of spans) {
    const last = joined.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined.reduceRight((shorter, [start, end]) => shorter.slice(0, start) + REDACTED + shorter.slice(end), text);
}

describe("part of a file", () => {
  it("shows nothing of a value that reaches into it", () => {
    const file = Buffer.from(`one ${KEY} two`);
    for (let offset = 0; offset < file.length; offset += 1) {
      const around = redactor.surrounding({ offset, max_bytes: 3 });
      const bytes = file.subarray(around.offset, around.offset + around.max_bytes);
      const start = offset - around.offset;
      const part = redactor.within(bytes, start, Math.min(bytes.length, start + 3)).toString();
      const isOutside = offset + 3 <= 4 || offset >= 4 + KEY.length;
      if (isOutside) expect(part).toBe(file.toString("utf8", offset, offset + 3));
      else expect(part.replace(REDACTED, "").length).toBeLessThan(3);
      if (!isOutside) expect(part).toContain(REDACTED);
    }
  });
});

describe("a document", () => {
  it("has no value in any text, and keeps bytes that are no UTF-8", () => {
    const given = { list: [`a ${KEY}`, 1, null], deep: { path: `\udcff${KEY}\udcfe`, other: "\udcff" } };
    const expected = { list: [`a ${REDACTED}`, 1, null], deep: { path: `\udcff${REDACTED}\udcfe`, other: "\udcff" } };
    expect(redactor.document(given)).toEqual(expected);
  });
});
