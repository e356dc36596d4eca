/** How fast a download comes through a published port, beside the same download within the guest. */
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { DOWNLOAD_BYTES, inGuest, withServer } from "../served.ts";
import { elapsedMs, repeat } from "../timing.ts";

const BYTES_PER_MB = 1_000_000;

async function download(url: string, signal: AbortSignal): Promise<void> {
  const { body } = await fetch(url, { signal });
  let received = 0;
  for await (const chunk of body ?? []) received += chunk.length;
  if (received !== DOWNLOAD_BYTES) throw new Error(`${received} bytes arrived`);
}

const mbPerSecond = (ms: number) => DOWNLOAD_BYTES / BYTES_PER_MB / (ms / 1000);

export const portThroughput: Figure = {
  name: "port-throughput",
  title: "100 MiB through a published port",
  unit: "MB/s",
  measure: (context: BenchContext) =>
    withServer(context, async (served) => {
      const through = () => elapsedMs(() => download(`${served.url}/big`, context.signal));
      await through();
      const values = (await repeat(context.runs, context.signal, through)).map(mbPerSecond);
      const within = await repeat(context.runs, context.signal, () => inGuest(served, "/big", 1, context.signal));
      const rates = within.map((seconds) => mbPerSecond(seconds * 1000));
      return { values, parts: [{ name: "the same within the guest", unit: "MB/s", values: rates }] };
    }),
};
