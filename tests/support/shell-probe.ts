/** One shell under test: typed into, and read until something is there. */
import type { PyroMethods } from "../../src/sdk/pyro.ts";

const DEADLINE_MS = 60_000;

/** One shell under test. */
export class ShellProbe {
  readonly #pyro: PyroMethods;
  readonly workspace_id: string;
  readonly shell_id: string;
  #cursor = 0;

  constructor(pyro: PyroMethods, workspace_id: string, shell_id: string) {
    this.#pyro = pyro;
    this.workspace_id = workspace_id;
    this.shell_id = shell_id;
  }

  static async open(pyro: PyroMethods, workspace_id: string, more: object = {}): Promise<ShellProbe> {
    const { shell_id } = await pyro.openShell({ workspace_id, ...more });
    const shell = new ShellProbe(pyro, workspace_id, shell_id);
    await shell.write("PS1='$ '; PROMPT_COMMAND=; set +o histexpand; echo rea''dy");
    await shell.until("ready\r\n");
    return shell;
  }

  get id() {
    return { workspace_id: this.workspace_id, shell_id: this.shell_id };
  }

  write(input: string, no_newline = false) {
    return this.#pyro.writeShell({ ...this.id, input, no_newline });
  }

  read(more: object = {}) {
    return this.#pyro.readShell({ ...this.id, cursor: this.#cursor, ...more });
  }

  /** Raw output since the last call, up to and with this text. */
  async until(text: string): Promise<string> {
    const deadline = performance.now() + DEADLINE_MS;
    for (let output = ""; ; ) {
      const part = await this.read({ wait_for_idle_ms: 20 });
      this.#cursor = part.next_cursor;
      output += part.output;
      if (output.includes(text)) return output;
      if (part.state === "exited" && part.output === "")
        throw new Error(`the shell ended without ${JSON.stringify(text)}: ${JSON.stringify(output)}`);
      if (performance.now() > deadline) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(output)}`);
    }
  }

  /** What a person sees since the last call, once it has this text. */
  async sees(text: string): Promise<string> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const { output, next_cursor } = await this.read({ plain: true, wait_for_idle_ms: 100 });
      if (output.includes(text)) {
        this.#cursor = next_cursor;
        return output;
      }
      if (performance.now() > deadline) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(output)}`);
    }
  }

  /** Leaves out what has come so far. */
  async skip(): Promise<void> {
    this.#cursor = (await this.read({ cursor: Number.MAX_SAFE_INTEGER, wait_for_idle_ms: 300 })).next_cursor;
  }

  async end(): Promise<number | null> {
    const deadline = performance.now() + DEADLINE_MS;
    while (performance.now() < deadline) {
      const { state, exit_code } = await this.read({ wait_for_idle_ms: 100 });
      if (state === "exited") return exit_code;
    }
    throw new Error("the shell does not end");
  }
}
