/** The reader of TLS greetings: real ones, cut at every byte and into records of every size, and broken ones. */
import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { describe, expect, it } from "vitest";
import { MAX_HELLO_BYTES, readFirstBytes } from "./client-hello.ts";
import { FirstBytes } from "./first-bytes.ts";

/** What OpenSSL says first. */
function greeting(servername: string | undefined, more: object = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) });
    connect({ socket, ...(servername === undefined ? {} : { servername }), ...more }).on("error", () => {});
  });
}

const block = (length_bytes: number, content: Buffer) => {
  const head = Buffer.alloc(length_bytes);
  head.writeUIntBE(content.length, 0, length_bytes);
  return Buffer.concat([head, content]);
};
const number = (value: number) => Buffer.from([value >> 8, value & 0xff]);

/** A greeting of the test's own making. */
function made(extensions: readonly (readonly [type: number, content: Buffer])[]): Buffer {
  const parts = extensions.map(([type, content]) => Buffer.concat([number(type), block(2, content)]));
  const body = [
    number(0x0303),
    Buffer.alloc(32),
    block(1, Buffer.alloc(32)),
    block(2, number(0x1301)),
    block(1, Buffer.alloc(1)),
  ];
  return inRecord(
    Buffer.concat([Buffer.from([1]), block(3, Buffer.concat([...body, block(2, Buffer.concat(parts))]))]),
  );
}
const inRecord = (content: Buffer) => Buffer.concat([Buffer.from([22, 3, 1]), block(2, content)]);
const nameList = (...names: string[]) =>
  block(
    2,
    Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([0]), block(2, Buffer.from(name, "latin1"))]))),
  );
const named = (name: string) => made([[0, nameList(name)]]);

/** The same handshake in records of so many bytes. */
function fragmented(hello: Buffer, size: number): Buffer {
  const handshake = hello.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) parts.push(inRecord(handshake.subarray(at, at + size)));
  return Buffer.concat(parts);
}

/** How many bytes are taken, one by one, before there is a verdict. */
function takenBefore(first: FirstBytes, bytes: Buffer): number {
  let at = 0;
  for (let verdict = "more"; verdict === "more" && at < bytes.length; at += 1)
    verdict = first.take(bytes.subarray(at, at + 1));
  return at;
}

describe("a client's first bytes (NET-14)", () => {
  it("have the name that OpenSSL sends, with old and new versions", async () => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"])
      expect(readFirstBytes(await greeting("example.com", { maxVersion }))).toEqual({
        state: "hello",
        name: "example.com",
      });
    expect(readFirstBytes(await greeting(undefined))).toEqual({ state: "hello", name: undefined });
  });

  it("are not known before they are whole, wherever they are cut", async () => {
    const hello = await greeting("example.com");
    for (let end = 0; end < hello.length; end += 1) {
      const seen = readFirstBytes(hello.subarray(0, end));
      expect(seen.state, `${end}`).toBe("more");
      if (seen.state === "more") expect(seen.needs).toBeGreaterThan(end);
    }
  });

  it("are put together from records of any size", async () => {
    const hello = await greeting("example.com");
    for (const size of [2, 3, 4, 5, 7, 40, 41, 42, 100, hello.length - 6]) {
      const whole = fragmented(hello, size);
      expect(readFirstBytes(whole), `${size}`).toEqual({ state: "hello", name: "example.com" });
      for (let end = 0; end < whole.length; end += 13)
        expect(readFirstBytes(whole.subarray(0, end)).state, `${size}, ${end}`).toBe("more");
    }
  });

  it("pass or not the same however they are cut", async () => {
    for (const [name, verdict] of [
      ["example.com", "pass"],
      ["other.com", "deny"],
    ] as const) {
      const hello = await greeting(name);
      for (let cut = 1; cut < hello.length; cut += 1) {
        const first = new FirstBytes("example.com", true);
        expect(first.take(hello.subarray(0, cut)), `${cut}`).toBe("more");
        expect(first.take(hello.subarray(cut)), `${cut}`).toBe(verdict);
        expect(first.held.equals(hello)).toBe(true);
      }
    }
  });

  it.each([
    ["of another name", named("evil.com"), "deny", "deny"],
    ["of the name in capitals", named("EXAMPLE.com"), "pass", "pass"],
    ["without a name", made([]), "deny", "pass"],
    ["without a name and with a hidden one", made([[0xfe0d, Buffer.alloc(100)]]), "deny", "pass"],
    ["of a name with a NUL", named("example.com\0"), "deny", "deny"],
    ["of a name after a NUL", named("evil.com\0.example.com"), "deny", "deny"],
    ["of two names", made([[0, nameList("example.com", "evil.com")]]), "deny", "deny"],
    [
      "of two lists",
      made([
        [0, nameList("example.com")],
        [0, nameList("evil.com")],
      ]),
      "deny",
      "deny",
    ],
    [
      "of two lists, turned round",
      made([
        [0, nameList("evil.com")],
        [0, nameList("example.com")],
      ]),
      "deny",
      "deny",
    ],
    ["of an empty list", made([[0, nameList()]]), "deny", "deny"],
    ["of an empty name", named(""), "deny", "deny"],
    ["of another kind of name", made([[0, block(2, Buffer.from([1, 0, 1, 65]))]]), "deny", "deny"],
    [
      "with bytes behind its list",
      made([[0, Buffer.concat([nameList("example.com"), Buffer.from([0])])]]),
      "deny",
      "deny",
    ],
    ["that is no TLS", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "deny", "pass"],
    ["of SSH", Buffer.from("SSH-2.0-x\r\n"), "deny", "pass"],
    ["of a record without content", Buffer.from([22, 3, 1, 0, 0]), "deny", "deny"],
    ["of a record that is too long", Buffer.from([22, 3, 1, 0xff, 0xff]), "deny", "deny"],
    ["of another handshake", inRecord(Buffer.from([2, 0, 0, 0])), "deny", "deny"],
    [
      "with an alert behind a part",
      Buffer.concat([fragmented(named("example.com"), 40).subarray(0, 45), Buffer.from([21, 3, 1, 0, 2])]),
      "deny",
      "deny",
    ],
    [
      "that never ends",
      fragmented(inRecord(Buffer.concat([Buffer.from([1]), block(3, Buffer.alloc(16_380))])), 100).subarray(
        0,
        MAX_HELLO_BYTES,
      ),
      "deny",
      "deny",
    ],
  ])("%s are judged", (_, bytes, strict, loose) => {
    expect(new FirstBytes("example.com", true).take(bytes)).toBe(strict);
    expect(new FirstBytes("example.com", false).take(bytes)).toBe(loose);
  });

  it("that end too soon pass only where nothing is listed, or nothing was sent", () => {
    const part = (is_strict: boolean) => {
      const first = new FirstBytes("example.com", is_strict);
      first.take(Buffer.from([22]));
      return first.end();
    };
    expect([part(true), part(false), new FirstBytes("a.com", true).end()]).toEqual(["deny", "pass", "pass"]);
  });

  it("of any kind are judged without an error, and at little cost byte by byte", () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const base = named("example.com");
    for (let round = 0; round < 5000; round += 1) {
      const bytes = Buffer.from(base);
      for (let edits = random(4); edits >= 0; edits -= 1) bytes[random(bytes.length)] = random(256);
      expect(["more", "not_tls", "malformed", "hello"]).toContain(
        readFirstBytes(bytes.subarray(0, random(bytes.length + 1))).state,
      );
    }
    const slow = new FirstBytes("example.com", true);
    const endless = Buffer.concat([Buffer.alloc(5), Buffer.from([1]), block(3, Buffer.alloc(16_380))]);
    expect(takenBefore(slow, fragmented(endless, 1))).toBe(256 * 6 + 5);
    expect(takenBefore(new FirstBytes("example.com", true), fragmented(endless, 100))).toBe(MAX_HELLO_BYTES);
  });
});
