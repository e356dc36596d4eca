/** Text that may come from the guest, made safe to show. */

/** Replaces every control character but newline and tab, and the characters that reorder or hide text. */
export function cleanText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");
}
