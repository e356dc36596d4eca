/** A call to the guest agent that does nothing. */
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";

const CALLS = 2000;
const WARM_UP_CALLS = 200;

export const agentRoundTrip: Figure = {
  name: "agent-round-trip",
  title: "agent round trip",
  unit: "ms",
  target: { at_most: 5 },
  measure: (context) =>
    context.withMachine(async ({ session }) => {
      const ping = () => elapsedMs(() => session.ping());
      await repeat(WARM_UP_CALLS, context.signal, ping);
      return { values: await repeat(CALLS, context.signal, ping) };
    }),
};
