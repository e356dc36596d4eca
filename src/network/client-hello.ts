/** Reads the server's name from the first bytes of a TLS client, as strictly as a server would, and no further than that. */

/** Bytes of a client that are looked at (docs/design/limits.md). */
export const MAX_HELLO_BYTES = 16_384;

export type FirstBytes =
  /** It could still become either; there is nothing new to see before there are so many bytes */
  | { readonly state: "more"; readonly needs: number }
  | { readonly state: "not_tls" }
  /** It begins as TLS and is no well-formed greeting */
  | { readonly state: "malformed" }
  /** `name` as it was sent; undefined where none was */
  | { readonly state: "hello"; readonly name: string | undefined };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
const MAX_RECORD_BYTES = 16_384;
/** Records that one greeting may be in (docs/design/limits.md): each is looked at anew with every one behind it. */
const MAX_RECORDS = 256;
/** Version of a record: 3.0 to 3.4. */
const MAX_MINOR = 4;
const SERVER_NAME = 0;
const HOST_NAME = 0;

class Malformed extends Error {}

/** What the first bytes of a client are. */
export function readFirstBytes(bytes: Buffer): FirstBytes {
  const is_tls = [HANDSHAKE, 3].every((byte, at) => bytes.length <= at || bytes[at] === byte);
  if (!is_tls) return { state: "not_tls" };
  try {
    const { fragments, needs } = recordsIn(bytes);
    const message = bodyOf(Buffer.concat(fragments));
    if (message !== undefined) return { state: "hello", name: serverName(message) };
    return bytes.length >= MAX_HELLO_BYTES ? { state: "malformed" } : { state: "more", needs };
  } catch (thrown) {
    if (thrown instanceof Malformed) return { state: "malformed" };
    throw thrown;
  }
}

/** What the records hold, the last one perhaps in part, and how many bytes there are to be before there is more. */
function recordsIn(bytes: Buffer): { readonly fragments: Buffer[]; readonly needs: number } {
  const fragments: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [kind, major, minor] = bytes.subarray(at, at + 3);
    if (kind !== HANDSHAKE || (major ?? 3) !== 3 || (minor ?? 0) > MAX_MINOR) throw new Malformed();
    const start = at + RECORD_HEADER_BYTES;
    if (bytes.length < start) return { fragments, needs: start };
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES || fragments.length >= MAX_RECORDS) throw new Malformed();
    fragments.push(bytes.subarray(start, start + length));
    at = start + length;
  }
  return { fragments, needs: Math.max(at, bytes.length + 1) };
}

/** The greeting, where it is whole. */
function bodyOf(handshake: Buffer): Buffer | undefined {
  if (handshake.length > 0 && handshake[0] !== CLIENT_HELLO) throw new Malformed();
  if (handshake.length < 4) return undefined;
  const length = handshake.readUIntBE(1, 3);
  if (length > MAX_HELLO_BYTES) throw new Malformed();
  return handshake.length < 4 + length ? undefined : handshake.subarray(4, 4 + length);
}

/** The host name of the extension for it. */
function serverName(message: Buffer): string | undefined {
  const hello = new Cursor(message);
  hello.take(2 + 32);
  const session = hello.part(1);
  const suites = hello.part(2);
  const compressions = hello.part(1);
  if (session.left > 32 || suites.left < 2 || suites.left % 2 !== 0 || compressions.left < 1) throw new Malformed();
  if (hello.left === 0) return undefined;
  const extensions = hello.part(2);
  if (hello.left !== 0) throw new Malformed();
  const seen = new Set<number>();
  let name: string | undefined;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.part(2);
    if (seen.has(type)) throw new Malformed();
    seen.add(type);
    if (type === SERVER_NAME) name = hostName(content);
  }
  return name;
}

/** A list of exactly one host name. */
function hostName(content: Cursor): string {
  const list = content.part(2);
  if (content.left !== 0 || list.number(1) !== HOST_NAME) throw new Malformed();
  const name = list.part(2);
  if (list.left !== 0 || name.left === 0) throw new Malformed();
  return name.take(name.left).toString("latin1");
}

/** Reads from bytes that may end too soon. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Malformed();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(length: number): number {
    return this.take(length).readUIntBE(0, length);
  }

  /** What stands behind its own length. */
  part(length_bytes: number): Cursor {
    return new Cursor(this.take(this.number(length_bytes)));
  }
}
