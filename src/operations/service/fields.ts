/** Fields and errors that the operations on services share. */
import { z } from "zod";
import { portFields, workspaceField } from "../workspace/fields.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Input fields. */
export const serviceField = {
  workspaceId: workspaceField.id,
  name: z
    .string()
    .regex(NAME, { error: "must be 1 to 63 letters, digits, dots, hyphens and underscores" })
    .describe("Name of the service"),
};

/** What is said of a service. */
export const serviceFields = {
  name: z.string().describe("Name of the service"),
  state: z
    .enum(["starting", "running", "exited", "stopped", "failed"])
    .describe(
      "starting until it is ready; exited by itself, stopped by somebody, or failed: never ready, or its machine lost",
    ),
  command: z.array(z.string()).describe("Program and arguments"),
  cwd: z.string().describe("Directory it runs in"),
  started_at: z.string().describe("When it was started"),
  ready_at: z.string().nullable().describe("When it was ready; null where it never was"),
  ended_at: z.string().nullable().describe("When it ended; null while it runs"),
  exit_code: z
    .int()
    .nullable()
    .describe("Exit status of its first process: 128+N when signal N ended it; null while it runs"),
  pid: z.int().nullable().describe("Number of its first process in the workspace"),
  stop_reason: z.string().nullable().describe("Why it ended; null while it runs"),
  published_ports: z.array(z.strictObject(portFields)).describe("Its ports on this machine, while it runs"),
  stdout_bytes: z.int().describe("Length of its standard output"),
  stderr_bytes: z.int().describe("Length of its standard error"),
};

/** A service's description. */
export const service = z.strictObject(serviceFields);
