/** A machine whose agent is the real one, but for the methods that a test answers in its place. */
import { connect, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { Machine } from "../../src/vmm/machine.ts";
import type { MachineSource } from "../../src/workspaces/machine-source.ts";
import { socketPair } from "./socket-pair.ts";

export interface Told {
  /** What the host asks with; sent on to the real agent by `pass` */
  readonly stream: ServerHttp2Stream;
  /** Lets the real agent answer; `onAnswer` sees each piece of that before it goes on */
  pass(onAnswer?: () => void): void;
  /** Directory of the workspace in the machine */
  readonly root: string;
}

/** What is done for a method in place of the agent; a method that has none is the agent's. */
export type Lies = Partial<Record<string, (told: Told) => void>>;

/** The same source, whose machines ask `lies` first: it may be changed while they run. */
export function lyingSource(source: MachineSource, lies: Lies): MachineSource {
  const open: MachineSource["open"] = async (request, context) => {
    const opened = await source.open(request, context);
    return { ...opened, machine: await lyingMachine(opened.machine, lies, opened.cwd) };
  };
  return { ...source, open };
}

async function lyingMachine(machine: Machine, lies: Lies, root: string): Promise<Machine> {
  const [channel, far] = await socketPair();
  const agent = connect("http://agent", { createConnection: () => machine.channel });
  const session = performServerHandshake(far);
  for (const end of [agent, session]) end.on("error", () => {});
  far.on("close", () => agent.destroy());
  agent.on("close", () => far.destroy());
  session.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const path = String(headers[":path"]);
    const pass = (onAnswer?: () => void) => {
      const asked = agent.request({ ":method": "POST", ":path": path }, { endStream: false });
      asked.on("error", () => {});
      asked.on("response", (answer) => stream.respond({ ":status": answer[":status"] }));
      if (onAnswer !== undefined) asked.on("data", onAnswer);
      stream.on("close", () => asked.close());
      stream.pipe(asked as Duplex).pipe(stream);
    };
    const lie = lies[path.slice(1)];
    if (lie === undefined) pass();
    else lie({ stream, pass, root });
  });
  return { ...machine, channel };
}
