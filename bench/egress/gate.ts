/** The program of the bench in one of pyro's machines, through a gate that allows one name. */
import { once } from "node:events";
import { connect } from "node:net";
import type { BenchContext } from "../context.ts";
import { runCommand } from "../guest-command.ts";
import { type EgressMeasurement, PROGRAM, readResult } from "./measurements.ts";

const NAME = "bench.example";

/** Measures against the server at this port. */
export function measureGate(context: BenchContext, port: number): Promise<EgressMeasurement> {
  return context.withMachine(async ({ session }) => {
    const over = new AbortController();
    const handlers = {
      lookup: async (name: string) => name === NAME,
      open: async () => {
        const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
        await once(socket, "connect");
        return socket;
      },
    };
    const granted = new Promise<void>((ready, failed) => {
      session.agent.egress({ ...handlers, ready }, over.signal).catch(failed);
    });
    await granted;
    try {
      const output: Uint8Array[] = [];
      const argv = ["python3", "-c", PROGRAM, NAME, String(port)];
      await runCommand(session, argv, context.signal, { onOutput: (_, part) => void output.push(part) });
      const measured = readResult(Buffer.concat(output).toString());
      if (measured === undefined) throw new Error(`The program said ${Buffer.concat(output)}`);
      return measured;
    } finally {
      over.abort();
    }
  });
}
