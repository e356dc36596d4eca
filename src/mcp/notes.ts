/** What the server says to whoever looks at its standard error. */
import { cleanText } from "../contract/text.ts";
import { writeAll } from "../platform/terminal.ts";

export function note(text: string): void {
  void writeAll(2, Buffer.from(`pyro mcp: ${cleanText(text)}\n`)).catch(() => {});
}
