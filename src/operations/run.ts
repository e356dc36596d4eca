/** `pyro run`: one command in a fresh virtual machine that is thrown away afterwards. */
import { z } from "zod";
import { field } from "../contract/fields.ts";
import { operation } from "./operation.ts";
import { startErrors } from "./start-errors.ts";

export const run = operation({
  names: { cli: "run", sdk: "runInVm", mcp: "vm_run" },
  summary: "Run one command in a fresh microVM and throw the VM away",
  description:
    "Starts a virtual machine of the environment, runs the command in /workspace, passes on its output and exit status, and removes the machine. " +
    "A non-zero exit code is a result, not an error. Standard input is passed on when it is piped. " +
    "Without a bootable guest it fails; the host's own kernel is used only with --allow-host-compat.",
  example: "pyro run debian:12 -- git --version",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    environment: field.environment,
    command: field.command,
    vcpu_count: field.vcpuCount,
    mem_mib: field.memMib,
    timeout_seconds: field.timeoutSeconds,
    ttl_seconds: field.ttlSeconds(600),
    network: field.network,
    allow_host_compat: field.allowHostCompat,
  }),
  output: z.strictObject({
    vm_id: z.string().describe("Identifier of the virtual machine that ran the command"),
    environment: z.string().describe("Environment it was started from"),
    exit_code: z.int().describe("Exit status of the command: 128+N when signal N ended it, 124 when it timed out"),
    stdout: z.string().describe("Standard output, at most 1 MiB of its head and 256 KiB of its tail"),
    stderr: z.string().describe("Standard error, cut in the same way"),
    duration_ms: z.int().describe("Time from the start of the command to its end"),
    timed_out: z.boolean().describe("The command was stopped at timeout_seconds"),
    truncated: z.boolean().describe("stdout or stderr was cut"),
    execution_mode: field.executionMode,
    network_enabled: z.boolean().describe("The guest could reach the public network"),
  }),
  errors: [
    ...startErrors,
    "vm_expired",
    "command_not_found",
    "command_not_executable",
    "argument_too_long",
    "cancelled",
  ],
  positional: ["environment", "command"],
  passes_exit_status: true,
  stdin: "always",
  handle: (input, { engine, signal, emit, stdin }) => engine.oneShot.run(input, { signal, emit, stdin }),
});
