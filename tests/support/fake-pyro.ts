/** pyro on fake machines in processes of its own: `keep ID` is the keeper of a workspace, `call METHOD JSON` one call of the SDK, `mcp MS FLAG…` the MCP server with that pause between words of progress. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { toPyroError } from "../../src/contract/errors.ts";
import { createEngine, type Engine } from "../../src/engine.ts";
import { keep } from "../../src/keeper/keep.ts";
import { launchScript } from "../../src/keeper/launch.ts";
import { Workspaces } from "../../src/keeper/workspaces.ts";
import { flagsOf, serve } from "../../src/mcp/main.ts";
import { onInterruption } from "../../src/platform/signals.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import { statePaths } from "../../src/store/paths.ts";
import { WorkspaceStore } from "../../src/store/workspace-store.ts";
import type { WorkspaceHost } from "../../src/workspaces/live/live-workspace.ts";
import { FakeEgress } from "./fake-egress.ts";
import { fakeSource, fakeSourceWithDisks } from "./fake-machine.ts";

/** What the workspaces below PYRO_HOME live on. */
export function fakeHost(): WorkspaceHost {
  const paths = statePaths();
  const machines = join(paths.data, "machines");
  mkdirSync(machines, { recursive: true, mode: 0o700 });
  const guests = new FakeEgress().over(fakeSourceWithDisks(machines));
  const availableMemory = () => undefined;
  return { store: new WorkspaceStore(paths), guests, hostCages: fakeSource, env: process.env, availableMemory };
}

/** An engine over keepers that are processes of `script`. */
function fakeEngine(host: WorkspaceHost, script: string): Engine {
  const workspaces = new Workspaces(host, (id, paths) => launchScript(script, ["keep", id], paths));
  return createEngine({ guests: host.guests, hostCages: host.hostCages, workspaces });
}

/** The SDK over such keepers. */
export function fakePyro(host: WorkspaceHost, script: string): PyroMethods {
  return methodsOver(fakeEngine(host, script));
}

async function call(script: string, method: string, input: string): Promise<void> {
  const methods: Readonly<Record<string, PyroMethods[keyof PyroMethods]>> = { ...fakePyro(fakeHost(), script) };
  const run = methods[method] as (input: unknown, options: { signal: AbortSignal }) => Promise<unknown>;
  const { signal } = onInterruption();
  const answer = await run(JSON.parse(input), { signal }).catch((thrown: unknown) => ({ error: toPyroError(thrown) }));
  process.stdout.write(JSON.stringify(answer), () => process.exit());
}

const [, script = "", role, first = "", second = "", ...more] = process.argv;
if (role === "keep") await keep(fakeHost(), first);
if (role === "call") await call(script, first, second);
if (role === "mcp")
  await serve(flagsOf(second === "" ? [] : [second, ...more]), {
    engine: () => fakeEngine(fakeHost(), script),
    progress_ms: Number(first),
  });
