/** The little Markdown that the reference pages need. */

/** What a person types when a generated file is stale. */
export const REGENERATE = "make generate";

/** First line of a generated page, which says where it comes from. */
export function generatedNotice(source: string): string {
  return `<!-- Generated from ${source} by \`${REGENERATE}\`; edits here are lost. -->`;
}

/** A page: the notice, then its blocks with an empty line between them. */
export function page(source: string, blocks: readonly string[]): string {
  return `${[generatedNotice(source), ...blocks].join("\n\n")}\n`;
}

/** A table; no cell can break out of its column. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(headings), line(headings.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text set in the font of code. */
export function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
