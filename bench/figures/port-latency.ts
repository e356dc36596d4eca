/** How long a small request takes through a published port, on a connection of its own, beside one within the guest. */
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { inGuest, SMALL_BYTES, withServer } from "../served.ts";
import { elapsedMs, repeat } from "../timing.ts";

const REQUESTS = 100;

async function request(url: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, { signal, headers: { connection: "close" } });
  const { byteLength } = await answer.arrayBuffer();
  if (byteLength !== SMALL_BYTES) throw new Error(`${byteLength} bytes arrived`);
}

export const portLatency: Figure = {
  name: "port-latency",
  title: "request of 1 KiB through a published port",
  unit: "ms",
  measure: (context: BenchContext) =>
    withServer(context, async (served) => {
      const through = () => elapsedMs(() => request(`${served.url}/small`, context.signal));
      await through();
      const values = await repeat(REQUESTS, context.signal, through);
      const seconds = await inGuest(served, "/small", REQUESTS, context.signal);
      const mean = (seconds * 1000) / REQUESTS;
      return { values, parts: [{ name: "the same within the guest, mean", unit: "ms", values: [mean] }] };
    }),
};
