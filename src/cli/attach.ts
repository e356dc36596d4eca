/** `pyro workspace shell attach`: a person's own terminal as the one of a shell. It is no operation: only a person has a terminal. */
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { OperationEvent } from "../contract/progress.ts";
import { createEngine, type Engine } from "../engine.ts";
import { type TerminalShape, takeTerminal, terminalShape } from "../platform/raw-terminal.ts";
import { writeAll } from "../platform/terminal.ts";
import { DETACH_KEY, detachByte, upTo } from "./detach-key.ts";
import { ShownOutput } from "./shown-output.ts";

/** Largest terminal that a shell has. */
const MAX_SIZE = 1_000;
/** The program was closed or lost, so that it has no exit status. */
const NO_STATUS = 1;
/** How long the last words may take to be shown, in milliseconds. */
const FAREWELL_MS = 500;

export interface AttachRequest {
  readonly workspace_id: string;
  readonly shell_id: string | undefined;
  readonly detach_key: string;
}

/** Adds the command to the group of shells. */
export function addAttach(
  shells: Command,
  base: (command: Command) => Command,
  run: (request: AttachRequest) => Promise<void>,
): void {
  base(shells.command("attach"))
    .summary("Attach your terminal to a shell")
    .description(
      "Attach your terminal to a shell\n\nWithout SHELL_ID a new one is opened. Every key goes to the guest, Ctrl-C too; its colors and screens are shown, and what would " +
        "reach beyond the screen (clipboard, title, questions to the terminal) is left out. The key to detach leaves the shell running; " +
        "when it ends, its exit status is the command's.",
    )
    .argument("<workspace_id>", "Id or name of the workspace")
    .argument("[shell_id]", "Id of the shell")
    .option("--detach-key <key>", `Key that leaves the shell running, such as ctrl-]`, DETACH_KEY)
    .usage("WORKSPACE_ID [SHELL_ID] [options]")
    .addHelpText("after", "\nExample:\n  $ pyro workspace shell attach fix")
    .action((workspace_id: string, shell_id: string | undefined, options: { detachKey: string }) =>
      run({ workspace_id, shell_id, detach_key: options.detachKey }),
    );
}

/** Attaches until the shell ends or the person leaves; gives the exit status. */
export async function attach(request: AttachRequest, signal: AbortSignal): Promise<number> {
  const key = detachByte(request.detach_key);
  const shape = terminalShape();
  if (shape === undefined)
    throw new PyroError("not_a_terminal", "Standard input and output are not both a person's terminal");
  const engine = createEngine();
  const shell_id = await shellFor(engine, request, size(shape), signal);
  const attached = new Attachment(engine, request.workspace_id, shell_id, key);
  return attached.run(signal);
}

async function shellFor(
  engine: Engine,
  { workspace_id, shell_id }: AttachRequest,
  shape: TerminalShape,
  signal: AbortSignal,
): Promise<string> {
  const context = { signal, emit: () => {} };
  if (shell_id === undefined)
    return (await engine.workspaces.call(workspace_id, "openShell", { cwd: "/workspace", ...shape }, context)).shell_id;
  await engine.workspaces.call(workspace_id, "resizeShell", { shell_id, ...shape }, context);
  return shell_id;
}

function size({ cols, rows }: TerminalShape): TerminalShape {
  return { cols: Math.min(cols, MAX_SIZE), rows: Math.min(rows, MAX_SIZE) };
}

/** One person at one shell. */
class Attachment {
  readonly #engine: Engine;
  readonly #workspace_id: string;
  readonly #shell_id: string;
  readonly #key: number;
  readonly #typed = new PassThrough();
  readonly #left = new AbortController();
  readonly #output = new ShownOutput(true);
  #leave = () => {};
  readonly #gone = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });
  #closed = false;

  constructor(engine: Engine, workspace_id: string, shell_id: string, key: number) {
    this.#engine = engine;
    this.#workspace_id = workspace_id;
    this.#shell_id = shell_id;
    this.#key = key;
  }

  async run(signal: AbortSignal): Promise<number> {
    const terminal = takeTerminal({
      onKeys: (keys) => this.#type(keys),
      onEnd: () => this.#left.abort(),
      onResize: (shape) => this.#resize(shape),
    });
    const over = AbortSignal.any([signal, this.#left.signal]);
    over.addEventListener("abort", this.#leave, { once: true });
    try {
      return await this.#show(over);
    } finally {
      terminal.restore();
      await shown(1, this.#output.end());
      this.#typed.destroy();
      if (this.#closed) await say("the shell was closed");
      else if (this.#left.signal.aborted) await say(`it runs on: ${this.#wayBack()}`);
    }
  }

  async #show(signal: AbortSignal): Promise<number> {
    const { workspaces } = this.#engine;
    const context = { signal, emit: (event: OperationEvent) => this.#emit(event), stdin: this.#typed };
    try {
      const { exit_code } = await workspaces.call(
        this.#workspace_id,
        "attachShell",
        { shell_id: this.#shell_id },
        context,
      );
      this.#closed = exit_code === null;
      return exit_code ?? NO_STATUS;
    } catch (thrown) {
      if (this.#left.signal.aborted && toPyroError(thrown).code === "cancelled") return 0;
      throw thrown;
    }
  }

  #type(keys: Buffer): void {
    const { before, isPressed } = upTo(keys, this.#key);
    if (before.length > 0) this.#typed.write(before);
    if (isPressed) this.#left.abort();
  }

  /** A size that cannot be set is the old one. */
  #resize(shape: TerminalShape): void {
    const context = { signal: this.#left.signal, emit: () => {} };
    const input = { shell_id: this.#shell_id, ...size(shape) };
    this.#engine.workspaces.call(this.#workspace_id, "resizeShell", input, context).catch(() => {});
  }

  async #emit(event: OperationEvent): Promise<void> {
    if (!("data" in event)) return;
    // A terminal that takes nothing any more is one that was left.
    const written = writeAll(1, this.#output.push(event.data)).catch(() => this.#left.abort());
    // One that takes nothing for a while does not keep its person from leaving.
    await Promise.race([written, this.#gone]);
  }

  #wayBack(): string {
    return `pyro workspace shell attach ${this.#workspace_id} ${this.#shell_id}`;
  }
}

async function say(text: string): Promise<void> {
  await shown(2, Buffer.from(`\n${text}\n`));
}

/** Shown, unless the terminal takes nothing any more. */
async function shown(descriptor: 1 | 2, data: Uint8Array): Promise<void> {
  await Promise.race([writeAll(descriptor, data).catch(() => {}), delay(FAREWELL_MS)]);
}
