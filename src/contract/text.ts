/** Text that may come from the guest, made safe to show. */
import { TerminalText } from "./terminal-text.ts";

/** Nothing but text, newline and tab: control sequences are gone with what they carry, and what reorders or hides text is written as an escape. */
export function cleanText(text: string): string {
  const filter = new TerminalText("text");
  return filter.push(text) + filter.end();
}
