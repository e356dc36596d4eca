/** What every scenario of workspaces works with: the machine under test, and short forms of what all of them do. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import type { PyroMethods } from "../../../src/sdk/pyro.ts";

export interface WorkspaceMachine {
  readonly pyro: PyroMethods;
  readonly environment: string;
  /** Directory of the suite's own on this host */
  readonly room: string;
  /** Names in the directory of all workspaces */
  directories(): string[];
}

type Create = Parameters<PyroMethods["createWorkspace"]>[0];

export class Kit {
  readonly #machine: () => WorkspaceMachine;

  constructor(machine: () => WorkspaceMachine) {
    this.#machine = machine;
  }

  get pyro(): PyroMethods {
    return this.#machine().pyro;
  }
  get room(): string {
    return this.#machine().room;
  }
  directories(): string[] {
    return this.#machine().directories();
  }

  create(more: Partial<Create> = {}) {
    return this.pyro.createWorkspace({ environment: this.#machine().environment, ...more });
  }

  /** Uses a workspace of its own, which is gone afterwards. */
  async within<T>(use: (workspace_id: string) => Promise<T>, more: Partial<Create> = {}): Promise<T> {
    const { workspace_id } = await this.create(more);
    try {
      return await use(workspace_id);
    } finally {
      await this.pyro.deleteWorkspace({ workspace_id }).catch(() => {});
    }
  }

  async read(workspace_id: string, path: string): Promise<string> {
    return (await this.pyro.readWorkspaceFile({ workspace_id, path })).content;
  }

  write(workspace_id: string, path: string, text: string) {
    return this.pyro.writeWorkspaceFile({ workspace_id, path, text });
  }

  /** Paths of everything in the workspace. */
  async paths(workspace_id: string): Promise<string[]> {
    const { entries } = await this.pyro.listWorkspaceFiles({ workspace_id, recursive: true });
    return entries.map(({ path }) => path.replace("/workspace/", ""));
  }

  async ids(): Promise<string[]> {
    return (await this.pyro.listWorkspaces()).workspaces.map(({ workspace_id }) => workspace_id);
  }

  /** Makes files below the room, and gives their directory. */
  files(name: string, files: Readonly<Record<string, string | Buffer>>): string {
    const directory = join(this.room, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  }

  /** Makes one file in the room, and gives its path. */
  file(name: string, content: Buffer): string {
    this.files("", { [name]: content });
    return join(this.room, name);
  }

  async refused(call: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
    const code = await call.then(
      () => "no error",
      (thrown: unknown) => (thrown as { code?: string }).code,
    );
    expect(codes).toContain(code);
  }
}
