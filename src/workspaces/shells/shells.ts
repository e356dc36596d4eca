/** The shells of one workspace: those that are open, and the last that have ended. */
import { PyroError } from "../../contract/errors.ts";
import type { MachineSession } from "../session.ts";
import { Shell, type ShellRequest, type ShellView } from "./shell.ts";

/** Shells that may be open at once (docs/design/limits.md). */
const MAX_OPEN = 64;
/** Ended ones that can still be read. */
const MAX_ENDED = 16;

export class Shells {
  readonly #session: () => MachineSession;
  #shells = new Map<string, Shell>();
  #opening = 0;

  /** `session` gives the machine, and throws where there is none. */
  constructor(session: () => MachineSession) {
    this.#session = session;
  }

  get openCount(): number {
    return [...this.#shells.values()].filter(({ isRunning }) => isRunning).length;
  }

  /** Every shell that can be read, oldest first. */
  list(): ShellView[] {
    return [...this.#shells.values()].map(({ view }) => view);
  }

  async open(request: ShellRequest): Promise<Shell> {
    const session = this.#session();
    const shells = this.#shells;
    if (this.openCount + this.#opening >= MAX_OPEN)
      throw new PyroError("too_many_shells", `${MAX_OPEN} shells are open already`);
    this.#opening += 1;
    try {
      const shell = await Shell.open(session, request);
      shells.set(shell.shell_id, shell);
      if (shells !== this.#shells) shell.end();
      this.#forgetOldest();
      return shell;
    } finally {
      this.#opening -= 1;
    }
  }

  /** Throws `shell_not_found`. */
  get(shell_id: string): Shell {
    const shell = this.#shells.get(shell_id);
    if (shell !== undefined) return shell;
    throw new PyroError("shell_not_found", `There is no shell ${JSON.stringify(shell_id)}`, { details: { shell_id } });
  }

  /** Ends all of them; what they printed can still be read. */
  endAll(): void {
    for (const shell of this.#shells.values()) shell.end();
  }

  /** Begins anew. */
  forgetAll(): void {
    this.endAll();
    this.#shells = new Map();
  }

  #forgetOldest(): void {
    const ended = [...this.#shells.values()].filter(({ isRunning }) => !isRunning);
    for (const { shell_id } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#shells.delete(shell_id);
  }
}
