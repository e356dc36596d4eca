/** File names as text and as bytes: UTF-8, with each byte that is not UTF-8 as a lone surrogate, as in Python's `surrogateescape`. */

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** U+DC00 plus the byte */
const ESCAPE = 0xdc00;
/** Below it, text compares as its bytes do */
const FIRST_SURROGATE = 0xd800;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
/** What a reader of one line cannot see as it is: control characters, what reorders or hides text, and the quote itself. */
const UNSHOWN =
  /["\\\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\u{e0000}-\u{e007f}]/gu;

/** The bytes of a name or path. A lone surrogate that stands for no byte becomes U+FFFD. */
export function encodePath(path: string): Buffer {
  if (!LONE_SURROGATE.test(path)) return Buffer.from(path, "utf8");
  const parts: Buffer[] = [];
  for (const character of path) {
    const unit = character.length === 1 ? character.charCodeAt(0) : 0;
    parts.push(unit >= 0xdc80 && unit <= 0xdcff ? Buffer.of(unit - ESCAPE) : Buffer.from(character, "utf8"));
  }
  return Buffer.concat(parts);
}

/** The text of a name or path; every sequence of bytes has exactly one, and `encodePath` gives the bytes back. */
export function decodePath(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return decodeWithEscapes(bytes);
  }
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const { character, length } = characterAt(bytes, at);
    text += character;
    at += length;
  }
  return text;
}

function characterAt(bytes: Uint8Array, at: number): { character: string; length: number } {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return { character: String.fromCharCode(lead), length: 1 };
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  try {
    const character = strictDecoder.decode(bytes.subarray(at, at + length));
    if ([...character].length === 1) return { character, length };
  } catch {
    // The lead byte stands for itself, and decoding goes on behind it.
  }
  return { character: String.fromCharCode(ESCAPE + lead), length: 1 };
}

/** Whether the text is the one that `decodePath` gives for its bytes. */
export function isPathText(text: string): boolean {
  return !LONE_SURROGATE.test(text) || decodePath(encodePath(text)) === text;
}

/** The order of a sorted walk: names compared as bytes, a directory before what it holds. */
export function comparePaths(one: string, other: string): number {
  const at = firstDifference(one, other);
  if (at === undefined) return one.length - other.length;
  if (one[at] === "/" || other[at] === "/") return one[at] === "/" ? -1 : 1;
  const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
  if (a < FIRST_SURROGATE && b < FIRST_SURROGATE) return a - b;
  return Buffer.compare(encodePath(one.slice(at)), encodePath(other.slice(at)));
}

/** Index of the first character that differs; undefined where one is the beginning of the other. */
function firstDifference(one: string, other: string): number | undefined {
  const end = Math.min(one.length, other.length);
  let at = 0;
  while (at < end && one.charCodeAt(at) === other.charCodeAt(at)) at += 1;
  if (at === end) return undefined;
  const unit = one.charCodeAt(at);
  const inPair = at > 0 && unit >= 0xdc00 && unit <= 0xdfff && /[\ud800-\udbff]/.test(one.charAt(at - 1));
  return inPair ? at - 1 : at;
}

/** A path in quotes on one line, with what cannot be seen as it is written as escapes. */
export function showPath(path: string): string {
  return `"${path.replace(UNSHOWN, escapeOf)}"`;
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '"' || character === "\\") return `\\${character}`;
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - ESCAPE : code;
  return byte < 0x100 ? `\\x${byte.toString(16).padStart(2, "0")}` : `\\u{${byte.toString(16)}}`;
}
