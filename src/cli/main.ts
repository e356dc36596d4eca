/** The `pyro` command: reads the command line, invokes one operation, renders what comes of it, exits. */
import { type Command, CommanderError } from "commander";
import { exitStatusOfKind, type PyroError, toPyroError } from "../contract/errors.ts";
import { createEngine } from "../engine.ts";
import { invoke } from "../operations/invoke.ts";
import { type Interruption, onInterruption } from "../platform/signals.ts";
import { exitNow, pipedInput, stderrIsTerminal, stdoutIsTerminal, writeAll } from "../platform/terminal.ts";
import { type AttachRequest, attach } from "./attach.ts";
import { COMPLETE, completionScript, completionShells, completions } from "./completion.ts";
import { ownStatus, resultStatus } from "./exit-status.ts";
import { buildProgram, type Invocation, splitRest, usageError } from "./program.ts";
import { ProgressLine } from "./progress-line.ts";
import { errorText, render } from "./render/index.ts";
import { ShownOutput } from "./shown-output.ts";
import { textFrom } from "./text-file.ts";

const BROKEN_PIPE_STATUS = 141;

/** Runs one command line to its end and exits the process. */
export async function main(args: readonly string[]): Promise<void> {
  const interruption = onInterruption();
  const { own, rest } = splitRest(args);
  let status = 0;
  const program = buildProgram(
    async (invocation) => {
      status = await perform(invocation, interruption);
    },
    rest,
    async (request) => {
      status = await attachTo(request, interruption);
    },
    async (options) => {
      const { serve } = await import("../mcp/main.ts");
      await serve(options);
    },
  );
  addCompletion(program);
  try {
    if (args[0] === COMPLETE) exitNow(await complete(program, args.slice(1)));
    if (own.length === 0) program.help();
    await program.parseAsync([...own], { from: "user" });
  } catch (thrown) {
    status = await failedToParse(thrown, own);
  }
  exitNow(status);
}

async function attachTo(request: AttachRequest, interruption: Interruption): Promise<number> {
  try {
    return await attach(request, interruption.signal);
  } catch (thrown) {
    return await report(toPyroError(thrown), false, interruption.status() ?? ownStatus(thrown, true));
  }
}

/** A command that is no operation: it is for a shell's start file. */
function addCompletion(program: Command): void {
  program
    .command("completion")
    .summary("Print a script that completes commands, names and ids")
    .description(`Put it into your shell's start file, for example: eval "$(pyro completion bash)"`)
    .argument("<shell>", completionShells.join(", "))
    .action((shell: string) => print(1, completionScript(shell)));
}

/** A shell that asks for completions gets some or none, never an error. */
async function complete(program: Command, words: readonly string[]): Promise<number> {
  const engine = createEngine();
  const { signal } = new AbortController();
  const known = {
    environments: async () => (await engine.environments.list()).map(({ name }) => name),
    workspaces: () => engine.workspaces.names(),
    services: (workspace: string) => engine.workspaces.services.names(workspace),
    snapshots: async (workspace: string) =>
      (await engine.workspaces.snapshots(workspace)).snapshots.map(({ name }) => name),
    shells: async (workspace: string) =>
      (await engine.workspaces.call(workspace, "listShells", {}, { signal, emit: () => {} })).shells.map(
        ({ shell_id }) => shell_id,
      ),
  };
  const found = await completions(program, words, known).catch(() => []);
  await print(1, found.map((each) => `${each}\n`).join(""));
  return 0;
}

async function perform(invocation: Invocation, interruption: Interruption): Promise<number> {
  const { op, input, json, quiet } = invocation;
  const progress = new ProgressLine(quiet || json);
  const broken = new AbortController();
  const streams = (op.passes_exit_status === true || op.streams_output === true) && !json;
  const shownOn = { 1: new ShownOutput(stdoutIsTerminal()), 2: new ShownOutput(stderrIsTerminal()) };
  const output = async (descriptor: 1 | 2, data: Uint8Array) => {
    progress.clear();
    await writeAll(descriptor, shownOn[descriptor].push(data)).catch(() => broken.abort());
  };
  try {
    for (const [name, path] of Object.entries(invocation.files)) input[name] = await textFrom(path);
    const result: unknown = await invoke(op, input, {
      engine: createEngine(),
      signal: AbortSignal.any([interruption.signal, broken.signal]),
      stdin: invocation.takes_stdin ? pipedInput() : undefined,
      emit: (event) => {
        if ("data" in event) return streams ? output(event.type === "stdout" ? 1 : 2, event.data) : undefined;
        return progress.show(event);
      },
    });
    progress.clear();
    await print(1, json ? `${JSON.stringify(result, undefined, 2)}\n` : shown(invocation, result));
    return resultStatus(op, result);
  } catch (thrown) {
    progress.clear();
    if (broken.signal.aborted) return BROKEN_PIPE_STATUS;
    return await report(
      toPyroError(thrown),
      json,
      interruption.status() ?? ownStatus(thrown, op.passes_exit_status === true),
    );
  } finally {
    for (const descriptor of [1, 2] as const) await writeAll(descriptor, shownOn[descriptor].end()).catch(() => {});
  }
}

/** A field that was asked for alone ends with a line break only where it is a word of ours. */
function shown({ op, only }: Invocation, result: unknown): string {
  if (only === undefined) return render(op, result);
  const text = String((result as Record<string, unknown>)[only] ?? "");
  return only === "content" ? text : `${text}\n`;
}

async function failedToParse(thrown: unknown, args: readonly string[]): Promise<number> {
  if (!(thrown instanceof CommanderError)) {
    const error = toPyroError(thrown);
    return await report(error, args.includes("--json"), exitStatusOfKind[error.kind]);
  }
  const error = usageError(thrown);
  if (error !== undefined) return await report(error, args.includes("--json"), exitStatusOfKind.usage);
  return thrown.code === "commander.help" && thrown.exitCode !== 0 ? exitStatusOfKind.usage : 0;
}

async function report(error: PyroError, json: boolean, status: number): Promise<number> {
  if (json) await print(1, `${JSON.stringify({ error }, undefined, 2)}\n`);
  else await print(2, errorText(error));
  return status;
}

async function print(descriptor: 1 | 2, text: string): Promise<void> {
  if (text !== "") await writeAll(descriptor, Buffer.from(text)).catch(() => {});
}
