/** How fast a download comes into a guest through pyro's gate, over QEMU's own user network on the same kind of machine. */
import { egressCompared } from "../egress/compared.ts";
import type { EgressMeasurement } from "../egress/measurements.ts";
import type { Figure } from "../figure.ts";
import { summarize } from "../statistics.ts";

function over(which: "one" | "many", title: string, name: string): Figure {
  return {
    name,
    title,
    unit: "×",
    target: { at_least: 1 },
    async measure(context) {
      const { gate, user_network } = await egressCompared(context);
      const part = (name: string, of: EgressMeasurement) => ({ name, unit: "MB/s", values: of[which] });
      const reference = summarize(user_network[which]).median;
      return {
        values: gate[which].map((rate) => rate / reference),
        parts: [part("through the gate", gate), part("QEMU's user network", user_network)],
      };
    },
  };
}

export const egressThroughput = over("one", "one download over QEMU's user network", "egress-throughput");
export const egressThroughput32 = over("many", "32 downloads over QEMU's user network", "egress-throughput-32");
