/** `pyro prepare`: does the slow part of a first start ahead of time, and proves that it worked. */
import { z } from "zod";
import { field } from "../contract/fields.ts";
import { operation } from "./operation.ts";
import { readinessFields } from "./readiness-fields.ts";

export const prepare = operation({
  names: { cli: "prepare", sdk: "prepare" },
  summary: "Make an environment warm, so that its virtual machines start at once",
  description:
    "Gets the environment and its kernel, boots it once to keep that boot as a template, and proves the template by starting a machine from it that runs a command. " +
    "Where all of that was done before, it says so and does nothing. `pyro run` prepares what is missing too; this is for doing it ahead of time.",
  example: "pyro prepare debian:12",
  effect: "write",
  input: z.strictObject({
    environment: field.environment.default("debian:12"),
    network: z.boolean().default(false).describe("Prove network egress as well"),
    force: z.boolean().default(false).describe("Pull, boot and prove again even though it is warm"),
  }),
  output: z.strictObject({
    ...readinessFields,
    changed: z.boolean().describe("False when it was warm already"),
    execution_mode: field.executionMode,
  }),
  errors: [
    "invalid_input",
    "environment_not_found",
    "environment_build_failed",
    "environment_damaged",
    "archive_unreachable",
    "not_available",
    "host_program_missing",
    "host_unsupported",
    "agent_missing",
    "agent_mismatch",
    "cache_not_writable",
    "host_disk_full",
    "host_io_failed",
    "state_dir_unsafe",
    "cage_unavailable",
    "kvm_unavailable",
    "vm_start_failed",
    "boot_failed",
    "boot_timeout",
    "guest_lost",
    "agent_stalled",
    "protocol_violation",
    "template_unusable",
    "cancelled",
  ],
  positional: ["environment"],
  handle: (input, { engine, signal, emit }) => engine.preparation.prepare(input, { signal, emit }),
});
