/** Workspaces on fake machines whose keepers, and callers where a test wants that, are processes that can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";
import type { PyroMethods } from "../../src/sdk/pyro.ts";
import type { WorkspaceHost } from "../../src/workspaces/live/live-workspace.ts";
import { bundle } from "./bundle.ts";
import { fakeHost, fakePyro } from "./fake-pyro.ts";
import { filesBelow, untilEmpty } from "./leftovers.ts";
import { patience } from "./patience.ts";
import { processesWith } from "./process-search.ts";

export interface FakeProcesses {
  readonly pyro: PyroMethods;
  readonly host: WorkspaceHost;
  /** What callers and keepers run */
  readonly script: string;
  /** Directory of the test's own, beside the home */
  readonly room: string;
  /** Has every process that is started from now on fail at a place, as `POINT:N:ACTION`; undefined for none */
  fail(demand: string | undefined): void;
  /** Starts one call of the SDK in a process of its own */
  caller(method: keyof PyroMethods, input: object): ChildProcess;
  /** Numbers of the processes that keep these workspaces, or run as their machines */
  keepers(): number[];
  machines(): number[];
  /** Directories of seeds that were kept, or are being */
  baselines(): string[];
  /** What is left of all workspaces when none should be: processes, and files of theirs */
  leftovers(): Promise<string[]>;
  close(): void;
}

/** Opens a home; `PYRO_HOME` names it from then on. */
export async function openFakeProcesses(): Promise<FakeProcesses> {
  const home = mkdtempSync(join(tmpdir(), "pyro-processes-"));
  for (const name of ["state", "room"]) mkdirSync(join(home, name), { mode: 0o700 });
  process.env["PYRO_HOME"] = join(home, "state");
  const script = await bundle("tests/support/fake-pyro.ts", {
    below: join(packageRoot(), "dist"),
    define: { PYRO_FAILPOINTS: '(process.env.PYRO_FAIL ?? "")' },
  });
  const host = fakeHost();
  const keepers = () => processesWith(script, "keep");
  const machines = () => processesWith(join(home, "state"), "--listen");
  const look = () => [
    ...[...keepers(), ...machines()].map((pid) => `process ${pid}`),
    ...["workspaces", "staging", "quarantine"].flatMap((name) => filesBelow(join(host.store.paths.data, name))),
  ];
  return {
    pyro: fakePyro(host, script),
    host,
    script,
    room: join(home, "room"),
    fail: (demand) => {
      if (demand === undefined) delete process.env["PYRO_FAIL"];
      else process.env["PYRO_FAIL"] = demand;
    },
    caller: (method, input) => spawn(process.execPath, [script, "call", method, JSON.stringify(input)]),
    keepers,
    machines,
    baselines: () => {
      const { workspaces } = host.store.paths;
      return readdirSync(workspaces)
        .map((id) => join(workspaces, id, "baseline"))
        .filter((path) => existsSync(path));
    },
    leftovers: () => untilEmpty(look, 8_000 * patience),
    close: () => {
      for (const pid of [...keepers(), ...machines()]) process.kill(pid, "SIGKILL");
      rmSync(dirname(script), { recursive: true, force: true });
      rmSync(home, { recursive: true, force: true });
    },
  };
}
