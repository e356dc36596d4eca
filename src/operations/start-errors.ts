/** What getting an environment and starting a machine of it can answer with. */
import type { ErrorCode } from "../contract/errors.ts";
import { pullErrors } from "./env/pull-errors.ts";

export const startErrors = [
  ...pullErrors,
  "not_available",
  "agent_missing",
  "agent_mismatch",
  "cage_unavailable",
  "kvm_unavailable",
  "vm_start_failed",
  "boot_failed",
  "boot_timeout",
  "guest_lost",
  "agent_stalled",
  "protocol_violation",
] as const satisfies readonly ErrorCode[];
