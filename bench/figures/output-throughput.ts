/** How fast the output of one command comes out of a guest. */
import type { Figure } from "../figure.ts";
import { runCommand } from "../guest-command.ts";
import { BLOCK_BYTES, BLOCKS, transferRates } from "../transfer.ts";

const argv = ["dd", "if=/dev/zero", `bs=${BLOCK_BYTES}`, `count=${BLOCKS}`, "status=none"];

export const outputThroughput: Figure = {
  name: "output-throughput",
  title: "command output, guest to host",
  unit: "MB/s",
  measure: (context) =>
    context.withMachine(({ session }) =>
      transferRates(context, async () => {
        let received = 0;
        const count = (_: unknown, data: Buffer) => {
          received += data.length;
        };
        await runCommand(session, argv, context.signal, { onOutput: count });
        if (received !== BLOCKS * BLOCK_BYTES) throw new Error(`${received} bytes arrived`);
      }),
    ),
};
