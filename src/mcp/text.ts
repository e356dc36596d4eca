/** A result as text with the same facts, for hosts that show a model nothing else: short fields first, long ones as blocks of a stated length. */

export type Result = Readonly<Record<string, unknown>>;

/** One field a line; text of several lines, and lists, come after. */
export function resultText(result: Result): string {
  const entries = Object.entries(result);
  const lines = entries.filter(([, value]) => !isBlock(value)).map(([name, value]) => `${name}: ${inline(value)}`);
  const blocks = entries.filter(([, value]) => isBlock(value)).map(([name, value]) => block(name, value));
  return [lines.join("\n"), ...blocks].filter((part) => part !== "").join("\n");
}

function isBlock(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isObject) : typeof value === "string" && isLong(value);
}

function isLong(text: string): boolean {
  return text.includes("\n") || text.length > 200;
}

function block(name: string, value: unknown): string {
  if (typeof value === "string") return `--- ${name} (${value.length} characters) ---\n${value}`;
  const list = Array.isArray(value) ? value : [];
  return [`${name}:`, ...list.map((each) => `- ${isObject(each) ? fields(each) : inline(each)}`)].join("\n");
}

function inline(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : oneLine(value);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(inline).join(", ");
  if (isObject(value)) return Object.keys(value).length === 0 ? "none" : fields(value);
  return String(value);
}

function fields(value: Result): string {
  return Object.entries(value)
    .map(([name, each]) => `${name}=${member(each)}`)
    .join(" ");
}

/** What stands beside other fields of one line: a text that could pass for a field is quoted. */
function member(value: unknown): string {
  if (typeof value === "string") return value === "" || /[\s"={}[\],]/.test(value) ? JSON.stringify(value) : value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : `[${value.map(member).join(", ")}]`;
  return isObject(value) ? `{${fields(value)}}` : inline(value);
}

/** Text with line breaks or spaces at its ends is quoted within a line. */
function oneLine(text: string): string {
  return /[\n\t"]|^\s|\s$/.test(text) ? JSON.stringify(text) : text;
}

function isObject(value: unknown): value is Result {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
