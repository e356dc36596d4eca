/** How long a connection takes up to the first byte of its answer through pyro's gate, over QEMU's own user network. */
import { egressCompared } from "../egress/compared.ts";
import type { Figure } from "../figure.ts";
import { summarize } from "../statistics.ts";

export const egressConnect: Figure = {
  name: "egress-connect",
  title: "connect and first answer over QEMU's user network",
  unit: "×",
  target: { at_most: 1.5 },
  async measure(context) {
    const { gate, user_network } = await egressCompared(context);
    const reference = summarize(user_network.connect_ms).median;
    return {
      values: gate.connect_ms.map((taken) => taken / reference),
      parts: [
        { name: "through the gate", unit: "ms", values: gate.connect_ms },
        { name: "QEMU's user network", unit: "ms", values: user_network.connect_ms },
      ],
    };
  },
};
