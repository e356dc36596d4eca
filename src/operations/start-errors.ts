/** What getting an environment and starting a machine of it can answer with. */
import type { ErrorCode } from "../contract/errors.ts";

export const startErrors = [
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
] as const satisfies readonly ErrorCode[];
