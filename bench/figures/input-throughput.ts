/** How fast the input of one command gets into a guest. */
import { Readable } from "node:stream";
import type { Figure } from "../figure.ts";
import { runCommand } from "../guest-command.ts";
import { BLOCK_BYTES, BLOCKS, transferRates } from "../transfer.ts";

const argv = ["sh", "-c", "exec cat >/dev/null"];

export const inputThroughput: Figure = {
  name: "input-throughput",
  title: "command input, host to guest",
  unit: "MB/s",
  measure: (context) =>
    context.withMachine(({ session }) =>
      transferRates(context, () => runCommand(session, argv, context.signal, { stdin: zeros() })),
    ),
};

/** One transfer's worth of zero bytes. */
function zeros(): Readable {
  const block = Buffer.alloc(BLOCK_BYTES);
  let left = BLOCKS;
  return new Readable({
    highWaterMark: 4 * BLOCK_BYTES,
    read() {
      this.push(left === 0 ? null : block);
      left -= 1;
    },
  });
}
