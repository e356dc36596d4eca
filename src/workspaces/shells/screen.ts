/** What a person would see of a shell: its characters on a terminal, as lines of text. */
import type { IBuffer, IBufferLine, Terminal } from "@xterm/headless";
import { TerminalText } from "../../contract/terminal-text.ts";
import { cleanText } from "../../contract/text.ts";
import type { TerminalSize } from "../session.ts";
import type { Excerpt, Scrollback } from "./scrollback.ts";

/** Cells of the terminal's memory: more lines where they are short (docs/design/limits.md). */
const MAX_CELLS = 4_194_304;
/** Characters that are put on the terminal in one go. */
const STEP_CHARS = 65_536;

let lastRendering: Promise<unknown> = Promise.resolve();

/**
 * The excerpt as a person would see it: every line that it added or changed, whole, on a terminal that had been shown all that is kept
 * from before. A program that has taken the whole screen is shown as that screen. One at a time, as a terminal takes much memory.
 */
export function renderScreen(scrollback: Scrollback, excerpt: Excerpt, size: TerminalSize): Promise<Excerpt> {
  const before = scrollback.read(scrollback.begin, excerpt.cursor - scrollback.begin);
  const earlier = excerpt.cursor > scrollback.begin ? before.output : "";
  const rendering = lastRendering.then(() => render(earlier, excerpt, size));
  lastRendering = rendering.catch(() => {});
  return rendering;
}

async function render(earlier: string, excerpt: Excerpt, { cols, rows }: TerminalSize): Promise<Excerpt> {
  const { Terminal } = await loadTerminal();
  const scrollback = Math.max(rows, Math.floor(MAX_CELLS / cols));
  const terminal = new Terminal({ cols, rows, scrollback, allowProposedApi: true, convertEol: false });
  try {
    const filter = new TerminalText("screen");
    await show(terminal, filter, earlier);
    const normal = terminal.buffer.normal;
    const top = linesOf(normal, normal.baseY, normal.length);
    const marker = terminal.buffer.active.type === "normal" ? terminal.registerMarker(-normal.cursorY) : undefined;
    const base = normal.baseY;
    await show(terminal, filter, excerpt.output);
    const { active } = terminal.buffer;
    if (active.type === "alternate") return { ...excerpt, output: text(linesOf(active, 0, active.length)) };
    const isCut = marker?.isDisposed === true;
    const from = isCut ? 0 : (marker?.line ?? Math.min(base, normal.length));
    const shown = text(changed(linesOf(normal, from, normal.length), isCut ? [] : top));
    return { ...excerpt, output: shown, truncated: excerpt.truncated || (isCut && normal.length >= scrollback + rows) };
  } finally {
    terminal.dispose();
  }
}

/** Loaded at its first use: a start of pyro does not wait for it. Node has all of a CommonJS module as its default, a bundle need not. */
async function loadTerminal(): Promise<typeof import("@xterm/headless")> {
  const loaded = await import("@xterm/headless");
  return "default" in loaded ? (loaded.default as typeof loaded) : loaded;
}

async function show(terminal: Terminal, filter: TerminalText, output: string): Promise<void> {
  for (let at = 0; at < output.length; at += STEP_CHARS) {
    const part = filter.push(output.slice(at, at + STEP_CHARS));
    await new Promise<void>((resolve) => terminal.write(part, resolve));
  }
}

interface ShownLine {
  readonly text: string;
  /** It is the rest of the line above, which was longer than the terminal is wide */
  readonly is_wrapped: boolean;
}

function linesOf(buffer: IBuffer, from: number, to: number): ShownLine[] {
  const lines: ShownLine[] = [];
  for (let at = from; at < to; at += 1) {
    const line = buffer.getLine(at);
    if (line === undefined) break;
    const next = buffer.getLine(at + 1);
    const text = next?.isWrapped === true ? full(line, next) : line.translateToString(true);
    lines.push({ text, is_wrapped: line.isWrapped });
  }
  return lines;
}

/** A line that goes on: with its spaces, but without the cell that a wide character did not fit into. */
function full(line: IBufferLine, next: IBufferLine): string {
  const isLeftOver = line.getCell(line.length - 1)?.getChars() === "" && next.getCell(0)?.getWidth() === 2;
  return line.translateToString(false, 0, isLeftOver ? line.length - 1 : line.length);
}

/** From the first line that is not as it was; a line that goes on from the one above begins with that one. */
function changed(lines: readonly ShownLine[], before: readonly ShownLine[]): ShownLine[] {
  let from = lines.findIndex(
    (line, at) => line.text !== before[at]?.text || line.is_wrapped !== before[at]?.is_wrapped,
  );
  if (from < 0) return [];
  while (from > 0 && lines[from]?.is_wrapped === true) from -= 1;
  return lines.slice(from);
}

/** Lines that were wrapped are one; empty ones at the end are not shown. */
function text(lines: readonly ShownLine[]): string {
  let output = "";
  for (const [at, line] of lines.entries()) output += at > 0 && !line.is_wrapped ? `\n${line.text}` : line.text;
  return cleanText(output).replace(/[ \n]+$/, "");
}
