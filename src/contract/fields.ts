/** Input and output fields that several operations share, with their ranges. */
import { z } from "zod";

const MAX_VCPU_COUNT = 64;
const MIN_MEM_MIB = 128;
const MAX_MEM_MIB = 262_144;
const MAX_TIMEOUT_SECONDS = 7 * 86_400;
/** Below the longest timer that Node has, 2^31 ms. */
const MAX_TTL_SECONDS = 21 * 86_400;

/** A whole number in a range, whose refusal names the value and the range. */
function wholeNumber(min: number, max: number) {
  const error = (issue: { input?: unknown }) =>
    `${JSON.stringify(issue.input)} is not a whole number from ${min} to ${max}`;
  return z.int({ error, abort: true }).min(min, { error, abort: true }).max(max, { error });
}

const withoutNul = z.string().refine((text) => !text.includes("\0"), { error: "must not contain a NUL character" });

const NO_COMMAND = "a command is missing: put it after --";

const executionModes = ["guest_kvm", "guest_emulated", "host_compat"] as const;

/** Where a command ran: hardware virtualization, full emulation, or a cage on the host's own kernel. */
export type ExecutionMode = (typeof executionModes)[number];

export const field = {
  environment: withoutNul.min(1).max(512).describe("Environment or image, such as debian:12"),
  command: z
    .array(withoutNul, { error: (issue) => (issue.input === undefined ? NO_COMMAND : "must be a list of strings") })
    .min(1, { error: NO_COMMAND })
    .describe("Program and arguments, not a shell string"),
  vcpuCount: wholeNumber(1, MAX_VCPU_COUNT).default(1).describe("Virtual CPUs"),
  memMib: wholeNumber(MIN_MEM_MIB, MAX_MEM_MIB).default(1024).describe("Guest memory in MiB"),
  timeoutSeconds: wholeNumber(1, MAX_TIMEOUT_SECONDS)
    .default(30)
    .describe("Stop the command and everything it started after this many seconds"),
  ttlSeconds: (seconds: number) =>
    wholeNumber(1, MAX_TTL_SECONDS).default(seconds).describe("Remove the sandbox after this many seconds"),
  allowHostCompat: z
    .boolean()
    .default(false)
    .describe("Permit the host's own kernel, in a cage, in place of a virtual machine"),
  network: z.boolean().default(false).describe("Let the guest reach the public network"),
  executionMode: z.enum(executionModes).describe("Where the command ran"),
};
