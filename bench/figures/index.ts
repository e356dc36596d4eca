/** The figures of `make bench`, in the order they are taken and printed. */
import type { Figure } from "../figure.ts";
import { agentRoundTrip } from "./agent-round-trip.ts";
import { coldBoot } from "./cold-boot.ts";
import { execTrue } from "./exec-true.ts";
import { idleMemory } from "./idle-memory.ts";
import { inputThroughput } from "./input-throughput.ts";
import { outputThroughput } from "./output-throughput.ts";
import { overBareQemu } from "./over-bare-qemu.ts";
import { runTrue } from "./run-true.ts";

export const figures: readonly Figure[] = [
  coldBoot,
  runTrue,
  overBareQemu,
  agentRoundTrip,
  execTrue,
  outputThroughput,
  inputThroughput,
  idleMemory,
];
