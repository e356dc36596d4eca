/** Rows of the error table: requests, environments, this host, machines and their commands. */
import type { ErrorRow } from "./error-row.ts";

export const machineErrors = {
  invalid_input: { kind: "usage", meaning: "A field of the request is missing or out of range", hint: "pyro --help" },
  unknown_command: { kind: "usage", meaning: "There is no such command", hint: "pyro --help" },
  environment_not_found: {
    kind: "missing",
    meaning: "No environment has that name",
    hint: "pyro env list",
  },
  environment_not_installed: {
    kind: "missing",
    meaning: "The environment is known but not in the local cache",
    hint: "pyro env pull debian:12",
  },
  environment_damaged: {
    kind: "host",
    meaning: "A cached environment is not whole and could not be repaired",
    hint: "pyro env pull debian:12",
  },
  environment_build_failed: {
    kind: "host",
    meaning: "Building an environment or the guest kernel from the archive failed",
    hint: "pyro doctor",
  },
  archive_unreachable: {
    kind: "host",
    meaning: "The Debian archive did not answer",
    hint: "Check the network and proxy settings, then run the same command again",
  },
  not_available: {
    kind: "conflict",
    meaning: "This version of pyro does not offer that",
    hint: "Leave the option out",
  },
  host_program_missing: {
    kind: "host",
    meaning: "A program that pyro needs on the host is not installed",
    hint: "pyro doctor",
  },
  host_unsupported: {
    kind: "host",
    meaning: "This machine cannot run pyro",
    hint: "pyro doctor",
  },
  agent_missing: {
    kind: "host",
    meaning: "The guest agent is not part of this installation",
    hint: "make build",
  },
  cache_not_writable: {
    kind: "host",
    meaning: "The directory of the cache or of the workspaces cannot be written",
    hint: "Set PYRO_HOME to a directory you own",
  },
  host_disk_full: {
    kind: "host",
    meaning: "The host's disk is full",
    hint: "pyro env prune",
  },
  host_io_failed: {
    kind: "host",
    meaning: "The host's file system or a system call failed",
    hint: "pyro doctor",
  },
  state_dir_unsafe: {
    kind: "host",
    meaning: "A state directory belongs to somebody else or is open to others",
    hint: "Set PYRO_HOME to a directory you own",
  },
  cage_unavailable: {
    kind: "host",
    meaning: "bubblewrap cannot build its cage on this machine",
    hint: "pyro doctor",
  },
  kvm_unavailable: {
    kind: "host",
    meaning: "KVM was required and is not usable",
    hint: "pyro doctor",
  },
  vm_start_failed: {
    kind: "guest",
    meaning: "The virtual machine monitor ended before the guest answered",
    hint: "pyro doctor",
  },
  boot_failed: {
    kind: "guest",
    meaning: "The guest's agent could not finish its boot",
    hint: "pyro doctor",
  },
  boot_timeout: {
    kind: "guest",
    meaning: "The guest did not answer before its boot deadline",
    hint: "pyro doctor",
  },
  template_unusable: {
    kind: "guest",
    meaning: "An environment was booted, but no virtual machine can be restored from that boot",
    hint: "pyro doctor",
  },
  agent_mismatch: {
    kind: "guest",
    meaning: "The guest's agent comes from another build of pyro",
    hint: "make build",
  },
  guest_lost: {
    kind: "guest",
    meaning: "The guest ended while a command was running",
    hint: "Run the same command again",
  },
  agent_stalled: {
    kind: "guest",
    meaning: "The guest's agent did not answer in time",
    hint: "Run the same command again",
  },
  protocol_violation: {
    kind: "guest",
    meaning: "The guest's agent broke the protocol, and its virtual machine was killed",
    hint: "Treat what ran in it as hostile",
  },
  vm_expired: {
    kind: "guest",
    meaning: "The virtual machine reached its time to live",
    hint: "Raise --ttl-seconds",
  },
  command_not_found: {
    kind: "missing",
    meaning: "The program is not in the environment",
    hint: "Check the name, or use an environment that has it",
    exitStatus: 127,
  },
  command_not_executable: {
    kind: "conflict",
    meaning: "The program is there but cannot be executed",
    hint: "Run it through its interpreter, or chmod +x it",
    exitStatus: 126,
  },
  argument_too_long: {
    kind: "usage",
    meaning: "An argument, or all of them together, is longer than the guest's kernel accepts",
    hint: "Pass the text on standard input or in a file",
  },
  cancelled: {
    kind: "conflict",
    meaning: "The caller cancelled the operation",
    hint: "Run the same command again",
    exitStatus: 130,
  },
  internal_error: {
    kind: "internal",
    meaning: "A defect in pyro",
    hint: "Report it with the output of PYRO_DEBUG=1",
  },
} as const satisfies Record<string, ErrorRow>;
