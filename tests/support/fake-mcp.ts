/** The MCP server in processes of its own, on fake machines whose keepers are processes too. */
import { join } from "node:path";
import { type FakeProcesses, openFakeProcesses } from "./fake-processes.ts";
import { type ClientMode, type Connected, overStdio, type ServerCommand } from "./mcp.ts";

export interface FakeMcp extends FakeProcesses {
  /** Where exports go */
  readonly exports: string;
  /** How a server is started with these flags; progress is told every 100 ms */
  server(flags?: readonly string[], env?: Readonly<Record<string, string>>): ServerCommand;
  connect(flags?: readonly string[], mode?: ClientMode, env?: Readonly<Record<string, string>>): Promise<Connected>;
}

const PROGRESS_MS = 100;

/** Opens a home; servers are started in its room, from which they may take files. */
export async function openFakeMcp(): Promise<FakeMcp> {
  const fake = await openFakeProcesses();
  const state = fake.host.store.paths.data;
  const kept = { PYRO_HOME: state, PATH: process.env["PATH"] ?? "", HOME: state };
  const server = (flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ServerCommand => ({
    command: process.execPath,
    args: [fake.script, "mcp", String(PROGRESS_MS), ...flags],
    env: { ...kept, ...env },
    cwd: fake.room,
  });
  return {
    ...fake,
    exports: join(state, "exports"),
    server,
    connect: (flags, mode, env) => overStdio(server(flags, env), mode),
  };
}
