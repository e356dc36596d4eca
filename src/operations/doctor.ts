/** `pyro doctor`: what this machine can do, and the remedy for what it cannot. */
import { z } from "zod";
import { field } from "../contract/fields.ts";
import { operation } from "./operation.ts";
import { readinessFields } from "./readiness-fields.ts";

const state = z.enum(["ok", "warning", "failed", "not_tried"]);

export const doctor = operation({
  names: { cli: "doctor", sdk: "doctor" },
  summary: "Check whether this machine can run guests, and say how to mend it",
  description:
    "Looks at the platform, host programs, disk space and cache, tries KVM with the real kernel, and boots a guest that runs one command; where an environment is warm, a guest of it connects to a server of pyro's own through the gate. " +
    "With --environment it also says whether that environment is warm, and why not. Exits with 1 when `pyro run` would fail.",
  example: "pyro doctor --environment debian:12",
  effect: "read",
  input: z.strictObject({
    environment: field.environment.optional().describe("Say how ready this environment is"),
  }),
  output: z.strictObject({
    healthy: z.boolean().describe("`pyro run` would work"),
    execution_mode: z
      .enum(["guest_kvm", "guest_emulated"])
      .nullable()
      .describe("How guests would run, where it could be tried"),
    capabilities: z
      .strictObject({
        vm_boot: state.describe("A guest boots"),
        guest_exec: state.describe("A guest runs a command"),
        guest_network: state.describe("A guest reaches the public network through the gate"),
      })
      .describe("What guests can do here"),
    environment: z
      .strictObject(readinessFields)
      .nullable()
      .describe("How ready the environment is that was asked about"),
    checks: z
      .array(
        z.strictObject({
          name: z.string().describe("What was looked at"),
          state: state.describe("What came of it"),
          detail: z.string().describe("What was found"),
          remedy: z.string().nullable().describe("What to do about it"),
        }),
      )
      .describe("Every check in the order it was made"),
  }),
  errors: ["environment_not_found", "image_reference_invalid", "state_dir_unsafe", "cancelled"],
  positional: [],
  handle: (input, { engine, signal, emit }) => engine.doctor.examine(input.environment, { signal, emit }),
});
