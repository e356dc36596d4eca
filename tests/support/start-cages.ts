/** Starts programs in cages, all at once, and waits to be killed: `start-cages AGENT BWRAP COUNT TOKEN`; TOKEN is on every command line. */
import { startChild } from "../../src/platform/child.ts";
import { cageArgs } from "../../src/vmm/cage.ts";

const [, , agent = "", bwrap = "", count = "1", token = ""] = process.argv;
const args = cageArgs({
  program: "/bin/sleep",
  args: ["600", token],
  readOnly: [],
  devices: [],
  attended: { agent, fd: 3 },
});

setInterval(() => {}, 1_000_000);
console.log("starting");
for (let made = 0; made < Number(count); made += 1)
  startChild({ launcher: agent, program: bwrap, args, files: ["stream"] });
