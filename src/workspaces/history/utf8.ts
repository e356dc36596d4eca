/** Where bytes may be cut so that no character of UTF-8 is. */

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
/** Continuation bytes that a character has at most. */
const MOST_CONTINUATION = 3;

/** Bytes of the character that begins with this one; 1 where none of several bytes does. */
function lengthOf(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

/** The last place not behind `end` at which a cut splits no character. */
export function cutBefore(bytes: Uint8Array, end: number): number {
  if (end >= bytes.length) return bytes.length;
  for (let at = end; at >= Math.max(0, end - MOST_CONTINUATION); at -= 1) if (!isContinuation(bytes[at])) return at;
  return end;
}

/** How many bytes at the end are the beginning of a character. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(MOST_CONTINUATION, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (!isContinuation(byte)) return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

/** The longest beginning whose text has at most `max_chars` UTF-16 units, in bytes; no character is split. */
export function bytesOfChars(bytes: Buffer, max_chars: number): number {
  if (bytes.length <= max_chars || bytes.toString("utf8").length <= max_chars) return bytes.length;
  let fits = 0;
  let tooLong = bytes.length;
  while (fits + 1 < tooLong) {
    const middle = (fits + tooLong) >> 1;
    if (bytes.toString("utf8", 0, cutBefore(bytes, middle)).length <= max_chars) fits = middle;
    else tooLong = middle;
  }
  return cutBefore(bytes, fits);
}
