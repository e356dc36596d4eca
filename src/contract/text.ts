/** Text that may come from the guest, made safe to show. */

/** Control characters but newline and tab; characters that reorder, hide or break text; tag characters. */
const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** Replaces every control character but newline and tab, and the characters that reorder or hide text. */
export function cleanText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE, "\ufffd");
}
