/** Commands on a fake machine, with a history in a directory of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { type CommandContext, Commands, type ExecInput } from "../../src/workspaces/commands/commands.ts";
import type { WaitInput } from "../../src/workspaces/commands/conditions.ts";
import { CommandHistory } from "../../src/workspaces/history/history.ts";
import { MachineSession, newVmId } from "../../src/workspaces/session.ts";
import { fakeSource } from "./fake-machine.ts";

const { signal } = new AbortController();

/** A workspace's commands, as far as there is a workspace. */
export class CommandBench {
  readonly directory: string;
  readonly history: CommandHistory;
  readonly session: MachineSession;
  readonly commands: Commands;
  /** Ends the machine behind the session's back */
  readonly killMachine: () => Promise<void>;

  private constructor(directory: string, session: MachineSession, killMachine: () => Promise<void>) {
    this.directory = directory;
    this.session = session;
    this.killMachine = killMachine;
    this.history = CommandHistory.open(this.historyDirectory);
    const { history } = this;
    this.commands = new Commands({ workspace_id: "ws-0123456789ab", mem_mib: 1024, history, session: () => session });
  }

  static async open(): Promise<CommandBench> {
    const open = await fakeSource.open(
      { environment: "debian:12", vcpu_count: 1, mem_mib: 1024 },
      { signal, emit: () => {} },
    );
    const directory = mkdtempSync(join(tmpdir(), "pyro-bench-"));
    const session = await MachineSession.begin({ ...open, cwd: directory }, newVmId(), signal);
    return new CommandBench(directory, session, () => open.machine.kill());
  }

  get historyDirectory(): string {
    return join(this.directory, "history");
  }

  async close(): Promise<void> {
    await this.session.close();
    rmSync(this.directory, { recursive: true });
  }

  exec(command: readonly string[], input: Partial<ExecInput> = {}, context: Partial<CommandContext> = {}) {
    return this.commands.exec(
      { command, timeout_seconds: 30, detach: false, ...input },
      { signal, emit: () => {}, stdin: undefined, ...context },
    );
  }

  shell(script: string, input: Partial<ExecInput> = {}, context: Partial<CommandContext> = {}) {
    return this.exec(["sh", "-c", script], input, context);
  }

  wait(input: Partial<WaitInput>, caller: AbortSignal = signal) {
    return this.commands.wait({ timeout_seconds: 20, ...input }, { signal: caller });
  }
}

/** Takes events, and has the text of their output. */
export function listener(): { readonly emit: (event: OperationEvent) => void; text: string } {
  const heard = {
    text: "",
    emit: (event: OperationEvent) => {
      if (event.type === "stdout" || event.type === "stderr") heard.text += Buffer.from(event.data).toString();
    },
  };
  return heard;
}
