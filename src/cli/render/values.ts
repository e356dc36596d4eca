/** Values and tables as people read them. */

const UNIT = 1024;
const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** A number of bytes with its unit. */
export function size(bytes: number): string {
  let value = bytes;
  let at = 0;
  while (value >= UNIT && at < units.length - 1) {
    value /= UNIT;
    at += 1;
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}

const spans = [
  ["s", 1],
  ["m", 60],
  ["h", 3_600],
  ["d", 86_400],
] as const;

/** A time as a person asks for it: how long ago, or how long until then. */
export function ago(time: string): string {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  const [unit, length] = spans.findLast(([, each]) => Math.abs(seconds) >= 2 * each) ?? spans[0];
  const count = `${Math.round(Math.abs(seconds) / length)} ${unit}`;
  return seconds < 0 ? `in ${count}` : `${count} ago`;
}

/** Rows under headings, columns aligned. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[line(headings), ...rows.map(line)].join("\n")}\n`;
}

/** Fields under each other, as `name: value`; the fields of a field, or of each object in a list, are indented under its name. */
export function pairs(value: object, indent = ""): string {
  return Object.entries(value)
    .map(([name, field]: [string, unknown]) => {
      const below = Array.isArray(field) ? field : [field];
      return below.length > 0 && below.every(isObject) && below.some((one) => Object.keys(one).length > 0)
        ? below.map((one) => `${indent}${name}:\n${pairs(one, `${indent}  `)}`).join("")
        : `${indent}${name}: ${plain(field)}\n`;
    })
    .join("");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (isObject(value) && Object.keys(value).length === 0) return "-";
  if (!Array.isArray(value)) return String(value);
  return value.length === 0 ? "-" : value.map(plain).join(" ");
}
