/** Egress through pyro's gate and through QEMU's own user network, one after the other in the same run, against the same server. */
import { BareMachines } from "../bare/machines.ts";
import type { BenchContext } from "../context.ts";
import { shared } from "../timing.ts";
import { measureGate } from "./gate.ts";
import { type EgressMeasurement, PROGRAM, readResult, startServer } from "./measurements.ts";

/** This host's loopback, as QEMU's user network calls it. */
const HOST = "10.0.2.2";

export interface Compared {
  readonly gate: EgressMeasurement;
  readonly user_network: EgressMeasurement;
}

/** Measured once for all figures of a run. */
export const egressCompared = shared(async (context: BenchContext): Promise<Compared> => {
  const server = await startServer();
  try {
    const bare = await BareMachines.prepare(context, { text: PROGRAM, args: [HOST, String(server.port)] });
    try {
      const gate = await measureGate(context, server.port);
      return { gate, user_network: await bare.networked(readResult) };
    } finally {
      bare.close();
    }
  } finally {
    server.close();
  }
});
