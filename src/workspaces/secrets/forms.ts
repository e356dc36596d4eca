/** The forms in which a secret's value is looked for: as it is, and in the encodings that programs usually print. Text here is bytes of one character each. */

/** Shortest form that is looked for, in bytes: what is shorter turns up in ordinary text. */
export const SHORTEST_FORM = 8;

/** Characters at the beginning of base64 that depend on what stands before the value, by how many bytes of a group that is. */
const undetermined = [0, 2, 3] as const;
/** Characters that one encoder or another leaves as they are in an address. */
const leftAlone = ["-._~", "-_.!~*'()", "-._~/", "*-._", "-_.!~*'();,/?:@&=+$#"] as const;
/** For each of those encoders, with small digits and with large ones, what stands for each byte; and the same for one that leaves nothing. */
const percentTables: readonly (readonly string[])[] = [undefined, ...leftAlone].flatMap((marks) =>
  [false, true].map((isUpper) => Array.from({ length: 256 }, (_, byte) => percentOf(byte, marks, isUpper))),
);
const WHITE = "\t\n\v\f\r ";
/** Length from which a value's end is not looked at, in bytes. */
const LONG = 1024;
/** First and last line of a key in PEM, which are no secret. */
const ARMOR = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

/** Every form of a value, each once. */
export function formsOf(value: Buffer): Buffer[] {
  const text = value.toString("latin1");
  const forms = new Set(linesOf(text));
  for (const variant of variantsOf(text))
    for (const encode of encoders) for (const form of encode(variant)) forms.add(form);
  return [...forms].filter((form) => form.length >= SHORTEST_FORM).map((form) => Buffer.from(form, "latin1"));
}

/** As it is, as `$(cat FILE)` and other readers take it, and as a terminal ends its lines. */
function variantsOf(text: string): Set<string> {
  const variants = new Set([text, text.replace(/^[\t-\r ]+/, "")]);
  // A long value is found by its beginning, whatever its end.
  if (text.length <= LONG)
    for (const one of [...variants]) variants.add(withoutEnd(one, "\r\n")).add(withoutEnd(one, WHITE));
  if (!text.includes("\r")) for (const variant of [...variants]) variants.add(variant.replaceAll("\n", "\r\n"));
  return variants;
}

function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** A value of several lines is seen line by line, too. */
function linesOf(text: string): string[] {
  const lines = text.split(/[\r\n]+/);
  return lines.length < 2 ? [] : lines.filter((line) => !ARMOR.test(line) && line.trim().length >= SHORTEST_FORM);
}

const encoders: readonly ((text: string) => Iterable<string>)[] = [asItIs, base64, hexadecimal, percent, escaped];

/** As it is, and within single quotes of a shell. Newlines at its end stay, so that what follows begins a line. */
function* asItIs(text: string): Generator<string> {
  const shown = withoutEnd(text, "\r\n");
  yield shown;
  yield shown.replaceAll("'", "'\\''");
}

/** What of base64 the value alone decides, wherever it begins in a group; and the same with the end that it has where nothing follows. */
function* base64(text: string): Generator<string> {
  for (const [before, from] of undetermined.entries()) {
    const bytes = Buffer.from("\0".repeat(before) + text, "latin1");
    const padded = bytes.toString("base64");
    const bare = padded.replace(/=+$/, "");
    for (const end of [Math.floor((bytes.length * 8) / 6), bare.length, padded.length]) {
      const form = padded.slice(from, end);
      yield form;
      yield form.replaceAll("+", "-").replaceAll("/", "_");
    }
  }
}

function* hexadecimal(text: string): Generator<string> {
  const digits = Buffer.from(text, "latin1").toString("hex");
  yield digits;
  yield digits.toUpperCase();
}

/** As in an address or a form, and with every byte as `%XX`. */
function* percent(text: string): Generator<string> {
  for (const table of percentTables) {
    let form = "";
    for (let at = 0; at < text.length; at += 1) form += table[text.charCodeAt(at)] ?? "";
    yield form;
    yield form.replaceAll("%20", "+");
  }
}

/** As in a string of JSON or of a program. */
function* escaped(text: string): Generator<string> {
  const characters = decoded(text);
  if (characters === undefined) return;
  const json = JSON.stringify(characters).slice(1, -1);
  for (const form of [json, json.replaceAll("/", "\\/")]) yield encoded(form);
  for (const digits of [unitDigits, (unit: string) => unitDigits(unit).toUpperCase()]) {
    const escaping = (unit: string) => `\\u${digits(unit)}`;
    yield encoded(json.replace(/[<>&\u2028\u2029]/g, escaping));
    yield encoded(json.replace(/[\u0080-\uffff]/g, escaping));
    yield encoded(json.replaceAll("/", "\\/").replace(/[\u0080-\uffff]/g, escaping));
    yield encoded(characters.replace(/[\s\S]/g, escaping));
  }
}

function percentOf(byte: number, marks: string | undefined, isUpper: boolean): string {
  const character = String.fromCharCode(byte);
  if (marks !== undefined && (/[A-Za-z0-9]/.test(character) || marks.includes(character))) return character;
  const digits = byte.toString(16).padStart(2, "0");
  return `%${isUpper ? digits.toUpperCase() : digits}`;
}

const unitDigits = (unit: string): string => unit.charCodeAt(0).toString(16).padStart(4, "0");
const encoded = (characters: string): string => Buffer.from(characters, "utf8").toString("latin1");

/** The characters of UTF-8; undefined where the bytes are none. */
function decoded(text: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "latin1"));
  } catch {
    return undefined;
  }
}
