/** Rows of the error table: workspaces and their keepers. */
import type { ErrorRow } from "./error-row.ts";

export const workspaceErrors = {
  workspace_not_found: {
    kind: "missing",
    meaning: "No workspace has that id or name",
    hint: "pyro workspace list",
  },
  workspace_ambiguous: {
    kind: "usage",
    meaning: "Several workspaces have that name",
    hint: "Give the id: pyro workspace list",
  },
  insufficient_memory: {
    kind: "host",
    meaning: "The host has too little memory left for the machine of one more workspace, and nothing was made",
    hint: "Stop or delete a workspace, or give less with --mem-mib",
  },
  workspace_damaged: {
    kind: "host",
    meaning: "The record of a workspace cannot be read",
    hint: "pyro workspace list",
  },
  workspace_stopped: {
    kind: "conflict",
    meaning: "The workspace does not run",
    hint: "pyro workspace start",
  },
  workspace_crashed: {
    kind: "guest",
    meaning: "The workspace's virtual machine, or the process that keeps it, ended unasked; the disk is kept",
    hint: "pyro workspace start",
  },
  workspace_running: {
    kind: "conflict",
    meaning: "That can be done with a stopped workspace only",
    hint: "pyro workspace stop",
  },
  workspace_busy: {
    kind: "conflict",
    meaning: "Another process is changing the workspace",
    hint: "Try again in a moment",
  },
  workspace_expired: {
    kind: "missing",
    meaning: "The workspace reached the end of its time to live and was removed",
    hint: "pyro workspace create",
  },
  workspace_name_taken: {
    kind: "conflict",
    meaning: "Another workspace has that name",
    hint: "Choose another name: pyro workspace list",
  },
  snapshot_not_found: {
    kind: "missing",
    meaning: "The workspace has no snapshot of that name",
    hint: "pyro workspace snapshot list",
  },
  snapshot_name_taken: {
    kind: "conflict",
    meaning: "The workspace has a snapshot of that name already",
    hint: "Choose another name",
  },
  snapshot_protected: {
    kind: "conflict",
    meaning: "The baseline cannot be deleted",
    hint: "Delete the workspace to be rid of it",
  },
  not_a_file: {
    kind: "conflict",
    meaning: "There is something else than a regular file at that path",
    hint: "pyro workspace file list",
  },
  file_is_binary: {
    kind: "conflict",
    meaning: "A file is not UTF-8 text",
    hint: "Read it with --encoding base64, or export it",
  },
  keeper_outdated: {
    kind: "conflict",
    meaning: "The workspace was started by another version of pyro",
    hint: "Stop it and start it again: pyro workspace stop, pyro workspace start",
  },
  keeper_stalled: {
    kind: "conflict",
    meaning: "The process that keeps a workspace does not answer; it may be stopped, or the host too busy",
    hint: "Try again in a moment; pyro workspace delete ends it whatever it does",
  },
  keeper_lost: {
    kind: "guest",
    meaning: "The process that keeps a workspace ended, and its virtual machine with it; the disk is kept",
    hint: "pyro workspace start",
  },
  shell_not_found: {
    kind: "missing",
    meaning: "The workspace has no shell of that id; a reset and a stop end all of them",
    hint: "pyro workspace shell list",
  },
  no_shell: {
    kind: "conflict",
    meaning: "The environment has no shell, neither bash nor sh",
    hint: "Run the environment's own programs with exec, or use an environment that has a shell",
  },
  shell_exited: {
    kind: "conflict",
    meaning: "The shell has ended; what it printed can still be read",
    hint: "pyro workspace shell open",
  },
  shell_input_full: {
    kind: "conflict",
    meaning: "What was typed before has not been read yet, so nothing of this was typed",
    hint: "Try again later, or interrupt the program: pyro workspace shell signal --signal INT",
  },
  too_many_shells: {
    kind: "conflict",
    meaning: "The workspace has as many open shells as it may",
    hint: "pyro workspace shell close",
  },
  not_a_terminal: {
    kind: "usage",
    meaning: "Only a person's terminal can be attached to a shell",
    hint: "Use pyro workspace shell write and pyro workspace shell read",
  },
  command_not_recorded: {
    kind: "missing",
    meaning: "The history of the workspace has no command of that number",
    hint: "pyro workspace logs",
  },
} as const satisfies Record<string, ErrorRow>;
