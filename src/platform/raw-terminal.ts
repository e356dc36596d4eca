/** A person's terminal as a program has it that takes every key: its size, its keys, and the way back to lines. */

export interface TerminalShape {
  readonly cols: number;
  readonly rows: number;
}

/** Size of the person's terminal; undefined where input or output is none. */
export function terminalShape(): TerminalShape | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  return { cols: stdout.columns || 80, rows: stdout.rows || 24 };
}

export interface RawTerminal {
  /** Gives the terminal back as it was */
  restore(): void;
}

export interface TerminalEvents {
  onKeys(keys: Buffer): void;
  /** The terminal has gone */
  onEnd(): void;
  onResize(shape: TerminalShape): void;
}

/** Takes every key of the terminal until `restore`, which the end of the process calls as well. */
export function takeTerminal({ onKeys, onEnd, onResize }: TerminalEvents): RawTerminal {
  const { stdin, stdout } = process;
  const resized = () => {
    const shape = terminalShape();
    if (shape !== undefined) onResize(shape);
  };
  let isTaken = true;
  const restore = () => {
    if (!isTaken) return;
    isTaken = false;
    stdin.setRawMode(false);
    stdin.pause();
    stdin.off("data", onKeys).off("end", onEnd).off("error", onEnd);
    stdout.off("resize", resized);
    process.off("exit", restore);
  };
  stdin.setRawMode(true);
  stdin.on("data", onKeys).on("end", onEnd).on("error", onEnd);
  stdout.on("resize", resized);
  process.on("exit", restore);
  return { restore };
}
