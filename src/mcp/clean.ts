/** Values on their way to a model: text is clean, and everything is valid Unicode. */
import { cleanText } from "../contract/text.ts";

/** Half a character that has no other half. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The same text with what is no character replaced. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, "\ufffd");
}

/** Fields that are files' own bytes, which a patch has to meet again. */
const exactFields: ReadonlySet<string> = new Set(["content", "patch"]);
/** Maps with keys of the user's own. */
const ownKeys: ReadonlySet<string> = new Set(["labels"]);

/** A result without the fields in `hidden`, however deep, and with clean text in the others. */
export function cleaned(value: unknown, hidden: ReadonlySet<string>, name = ""): unknown {
  if (typeof value === "string") return exactFields.has(name) ? wellFormed(value) : cleanText(wellFormed(value));
  if (Array.isArray(value)) return value.map((each) => cleaned(each, hidden, name));
  if (typeof value !== "object" || value === null) return value;
  const isOwn = ownKeys.has(name);
  const entries = Object.entries(value).filter(([key, each]) => each !== undefined && (isOwn || !hidden.has(key)));
  return Object.fromEntries(
    entries.map(([key, each]) => [isOwn ? cleanText(wellFormed(key)) : key, cleaned(each, hidden, key)]),
  );
}
