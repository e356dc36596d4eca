/** A person at a terminal: types, looks, resizes, and sees what is left of the terminal's modes. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";

const TIMEOUT_MS = 20_000;

export class Person {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  screen = "";
  #modes = "";

  /** Starts a program on a terminal of its own. */
  constructor(command: readonly string[], env: Readonly<Record<string, string | undefined>>) {
    const script = join(packageRoot(), "tests/support/terminal.py");
    this.#child = spawn("python3", [script, ...command], { env, stdio: "pipe" });
    this.#child.stdout?.on("data", (data: Buffer) => {
      this.screen += data.toString();
    });
    this.#child.stderr?.on("data", (data: Buffer) => {
      this.#modes += data.toString();
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  resize(): void {
    this.#child.kill("SIGUSR1");
  }

  /** Ends the program from outside. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** Waits for text on the screen since the last wait. */
  async sees(text: string): Promise<string> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (!this.screen.includes(text)) {
      if (performance.now() > deadline) throw new Error(`no ${JSON.stringify(text)} on ${JSON.stringify(this.screen)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const seen = this.screen;
    this.screen = "";
    return seen;
  }

  /** Exit status of the program, and what became of the terminal's modes. */
  async leaves(): Promise<{ status: number | null; modes: string }> {
    const status = await this.#ended;
    return { status, modes: this.#modes };
  }
}
