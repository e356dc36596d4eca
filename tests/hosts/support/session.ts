/** One session of a chat host without a person: asked once, with a script for its model. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ChatHost } from "./chat-hosts.ts";
import type { Place } from "./place.ts";
import type { Step } from "./script.ts";
import { type ScriptedModel, serveModel } from "./scripted-model.ts";

export interface SessionOptions {
  readonly flags?: readonly string[];
  readonly tool_timeout_seconds?: number;
}

export interface Session {
  readonly model: ScriptedModel;
  /** Ends the host and all of its process group, without a chance to tidy up; nothing where it has ended */
  kill(): void;
  /** Waits for the end of the host, and closes the model */
  ended(): Promise<EndedSession>;
}

export interface EndedSession {
  readonly model: ScriptedModel;
  readonly status: number | null;
  readonly output: string;
}

/** A proxy that nobody serves: the host reaches its model on loopback, and nothing else. */
const NOWHERE = "http://127.0.0.1:9";

/** Starts a host in the project, in a process group of its own. */
export async function startSession(
  host: ChatHost,
  program: string,
  place: Place,
  steps: readonly Step[],
  options: SessionOptions = {},
): Promise<Session> {
  const model = await serveModel(host.dialect, steps);
  const { home, project } = place;
  const { flags = [], tool_timeout_seconds } = options;
  const settings = { home, project, model_url: model.url, flags, tool_timeout_seconds };
  host.configure(settings);
  const env = {
    HOME: home,
    PATH: process.env["PATH"] ?? "",
    LANG: "C.UTF-8",
    TERM: "dumb",
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: "127.0.0.1,localhost",
    ...host.env(settings),
  };
  const args = host.args("Make the failing test pass");
  const child = spawn(program, args, { cwd: project, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const end = once(child, "exit");
  await once(child, "spawn");
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} has no process`);
  return {
    model,
    kill: () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-pid, "SIGKILL");
    },
    ended: async () => {
      const [status] = (await end) as [number | null];
      await model.close();
      return { model, status, output };
    },
  };
}
