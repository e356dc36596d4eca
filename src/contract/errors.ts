/** Every error pyro can answer with: one row each, so that code, kind, exit status and wording live in one place. */

/** Who acts on an error: the caller at once, the caller with another id, the caller after a step, the operator, a retry, or us. */
export type ErrorKind = "usage" | "missing" | "conflict" | "host" | "guest" | "internal";

/** CLI exit status of each kind; `run` and `workspace exec` answer 125 for pyro's own failures instead. */
export const exitStatusOfKind: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  missing: 1,
  conflict: 1,
  host: 1,
  guest: 1,
  internal: 70,
};

interface ErrorRow {
  readonly kind: ErrorKind;
  /** What it means, for the reference. */
  readonly meaning: string;
  /** What to do next where the place that raised it knows nothing better. */
  readonly hint: string;
  /** Exit status that a shell gives for the same situation, where there is one. */
  readonly exitStatus?: number;
}

const rows = {
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
    meaning: "The cache directory cannot be written",
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
  seed_not_found: {
    kind: "missing",
    meaning: "There is nothing at the path to seed or push from",
    hint: "Check the path",
  },
  seed_unreadable: {
    kind: "host",
    meaning: "What to seed or push from cannot be read",
    hint: "Check the permissions of the path",
  },
  path_escape: {
    kind: "conflict",
    meaning: "A path, or an entry of a tree or archive, leads out of the tree it belongs to",
    hint: "Name a path that stays inside; do not trust a tree whose entries lead out of it",
  },
  unsupported_type: {
    kind: "conflict",
    meaning:
      "A tree or archive holds something that is neither file, directory nor symlink, or is itself of a kind that pyro does not read",
    hint: "Use a directory, or an archive made with: tar --hard-dereference -czf seed.tar.gz DIRECTORY",
  },
  archive_inconsistent: {
    kind: "conflict",
    meaning: "An archive contradicts itself or the tar format",
    hint: "Make the archive anew",
  },
  archive_truncated: {
    kind: "conflict",
    meaning: "An archive ends before its end",
    hint: "Fetch or make the archive anew",
  },
  duplicate_entry: {
    kind: "conflict",
    meaning: "A tree, archive or upload holds the same path twice",
    hint: "Leave one of them out",
  },
  tree_inconsistent: {
    kind: "conflict",
    meaning: "The entries of a tree or archive do not fit together",
    hint: "Make the archive anew",
  },
  too_large: {
    kind: "conflict",
    meaning: "A tree or archive is beyond a limit on bytes, entries, depth or length of names",
    hint: "Leave out what is not needed",
  },
  length_mismatch: {
    kind: "guest",
    meaning: "A file was sent with more or fewer bytes than announced",
    hint: "Treat what ran in the workspace as hostile",
  },
  name_collision: {
    kind: "host",
    meaning: "Two names of a tree are the same file on the host's file system",
    hint: "Write to a file system that tells upper case from lower case",
  },
  output_exists: {
    kind: "conflict",
    meaning: "There is something at the path to write to",
    hint: "Give another path, or --force to replace it",
  },
  output_not_writable: {
    kind: "host",
    meaning: "The directory to write to does not exist or cannot be written",
    hint: "Give a path in a directory you own",
  },
  baseline_damaged: {
    kind: "host",
    meaning: "The host's copy of what a workspace was seeded with is not whole",
    hint: "Export what you need, then create the workspace anew",
  },
  path_not_found: {
    kind: "missing",
    meaning: "There is nothing at that path of the workspace",
    hint: "Look at the directory above it",
  },
  path_not_directory: {
    kind: "conflict",
    meaning: "A path leads through something that is not a directory",
    hint: "Look at what is there",
  },
  path_too_long: {
    kind: "usage",
    meaning: "A path, or a name in it, is longer than Linux takes",
    hint: "Shorten it",
  },
  path_exists: {
    kind: "conflict",
    meaning: "Something is at that path already and is not to be replaced",
    hint: "Choose another path, or delete what is there first",
  },
  path_changed: {
    kind: "conflict",
    meaning: "What is at that path is not what it was, so nothing was written",
    hint: "Read it again, then repeat the change",
  },
  dest_not_directory: {
    kind: "conflict",
    meaning: "A directory is to be written where something else is, and nothing was written",
    hint: "Choose another destination, or delete what is there first",
  },
  is_a_directory: {
    kind: "conflict",
    meaning: "A file is to be written where a directory is, and nothing was written",
    hint: "Choose another path, or delete the directory first",
  },
  directory_not_empty: {
    kind: "conflict",
    meaning: "A directory that is to be deleted has something in it",
    hint: "Delete what is in it first",
  },
  guest_disk_full: {
    kind: "guest",
    meaning: "The workspace's disk is full, and nothing was written",
    hint: "Delete something in the workspace",
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

/** Stable name of an error. */
export type ErrorCode = keyof typeof rows;

/** The table, for the reference and the golden file. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = rows;

/** Values that belong to an error; never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** The one shape of an error on every surface. */
export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
}

/** What every operation throws; anything else that is thrown is a defect and becomes `internal_error`. */
export class PyroError extends Error {
  override readonly name = "PyroError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, more: { hint?: string; details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint ?? rows[code].hint;
    this.details = more.details ?? {};
  }

  get kind(): ErrorKind {
    return rows[this.code].kind;
  }

  toJSON(): ErrorDocument {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }
}

/** Turns anything thrown into a `PyroError`, keeping the cause. */
export function toPyroError(thrown: unknown): PyroError {
  if (thrown instanceof PyroError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new PyroError("internal_error", message, { cause: thrown });
}
