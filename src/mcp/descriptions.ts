/** What a model is told of each tool: what it is for, when to use it, what it does where nothing is said, what comes back, what to do next. */
import { sessionTools, type ToolText, workspace } from "./session-texts.ts";
/** Facts of one server that its descriptions name. */
export interface ServerFacts {
  readonly environment: string;
  readonly roots: string;
  readonly export_root: string;
  readonly seed: string;
}

const inWorkspace = { description: "Below /workspace, absolute or relative" };

/** All tools, with the facts of a server put in. */
export function toolTexts(facts: ServerFacts): Readonly<Record<string, ToolText>> {
  return { ...lifeTools(facts), ...commandTools, ...fileTools(facts), ...sessionTools, ...oneShotTools(facts) };
}

const lifeTools = ({ environment, roots, seed }: ServerFacts): Record<string, ToolText> => ({
  workspace_create: {
    title: "Create a workspace",
    description: `Start a disposable microVM with files in /workspace: the first step for running, testing or changing code without touching the user's machine. ${seed} The seed is the baseline of workspace_diff and workspace_reset; the user's own files never change. It lives for 24 hours (ttl_seconds, extended only by workspace_update) or until workspace_delete, also when this server ends, and its id stays valid until then. Returns workspace_id and state. Next: workspace_exec.`,
    fields: {
      environment: { description: "Environment, or an OCI image where those are supported", default: environment },
      seed_path: { description: `Directory, checkout, .tar, .tar.gz or .tgz to begin with, under ${roots}` },
      repo_url: { description: "Repository to begin with, cloned clean: https://…" },
      repo_ref: { description: "Its branch, tag or commit" },
      name: { description: "Name to call it by" },
      label: { description: "Labels, to find it again" },
      ttl_seconds: { description: "Lifetime" },
    },
  },
  workspace_list: {
    title: "List workspaces",
    description:
      "List the workspaces that exist, most recently active first, also those of earlier conversations. Use it to find an id again. Returns state, name, labels and expires_at of each.",
  },
  workspace_status: {
    title: "Show a workspace",
    description: "Show one workspace: state, what it was seeded with, when it expires, why it failed if it did.",
    fields: workspace,
  },
  workspace_update: {
    title: "Rename, label or extend a workspace",
    description: "Change name, labels or remaining lifetime. What is not named stays. Returns the new status.",
    fields: {
      ...workspace,
      label: { description: "Labels to set" },
      remove_label: { description: "Labels to take away" },
      ttl_seconds: { description: "New lifetime, from this moment" },
    },
  },
  workspace_reset: {
    title: "Reset a workspace",
    description:
      "Return the whole sandbox to its baseline in under a second: files, installed packages, /tmp and processes. Use it to try again from a clean state, or to prove that a patch works on the original files. Commands and their logs are forgotten; id, name and labels stay.",
    fields: { ...workspace, snapshot: { description: "Snapshot to return to" } },
  },
  workspace_delete: {
    title: "Delete a workspace",
    description: "Remove a workspace and everything in it. Take what is wanted first, with workspace_export.",
    fields: workspace,
  },
  workspace_summary: {
    title: "Sum up a workspace",
    description:
      "What happened since the last reset: commands and how they ended, files changed, patches, exports, and the totals of the diff. Use it to report, or to pick up work again.",
    fields: workspace,
  },
  workspace_stop: {
    title: "Stop a workspace",
    description:
      "Power a workspace off; its disk stays. Shells and services end. Next: workspace_start, or workspace_disk_list.",
    fields: workspace,
  },
  workspace_start: {
    title: "Start a stopped workspace",
    description: "Boot a stopped or failed workspace on the same disk, /workspace as it was.",
    fields: workspace,
  },
});

const commandTools: Record<string, ToolText> = {
  workspace_exec: {
    title: "Run a command in a workspace",
    description:
      'Run a program in /workspace and get its output: tests, builds, scripts, package managers. command is a list of words; for pipes or && use ["sh","-c","…"]. The default timeout is 30 s, then the whole process tree is killed: raise timeout_seconds for builds. What still runs after 45 s (yield_after_seconds) goes on and is answered with state "running", sequence and cursor: call workspace_wait. Returns exit_code, outcome (why it ended, what to do), stdout, stderr. A non-zero exit_code is a result, not an error.',
    fields: {
      ...workspace,
      command: { description: "Program and arguments" },
      timeout_seconds: { description: "Kill it after this long, 1 to 604800" },
      yield_after_seconds: { description: "Answer after this long although it runs on", default: 45 },
      detach: { description: "Answer as soon as it runs, for servers" },
    },
  },
  workspace_wait: {
    title: "Wait for a command, port or line",
    description:
      "Wait for one thing: sequence (that command ends), port, http (address answers), log (a line matches), file (exists) or quiet_ms (no output). Use it after workspace_exec said running. Returns reason matched, timeout or target_died, with exit_code and the output since cursor; after a timeout, the default is 45 s, call it again.",
    fields: {
      ...workspace,
      sequence: { description: "Number of the command" },
      port: { description: "Port in the workspace" },
      http: { description: "http://localhost:PORT/PATH in the workspace" },
      log: { description: "Regular expression" },
      file: { description: "Path in the workspace" },
      quiet_ms: { description: "Silence" },
      cursor: { description: "Where output is wanted from" },
      timeout_seconds: { description: "Answer after this long in any case", default: 45 },
    },
  },
  workspace_logs: {
    title: "Read command output",
    description:
      "All commands since the last reset; with sequence the whole output of one, also what an answer had no room for. Page with cursor=next_cursor, or take tail_lines, or grep for what matters.",
    fields: { ...workspace, max_chars: { description: "Most characters of output" } },
  },
};

const fileTools = ({ roots, export_root }: ServerFacts): Record<string, ToolText> => ({
  workspace_file_list: {
    title: "List files",
    description: "List a directory of /workspace, sorted. A long one goes on at cursor=next_cursor.",
    fields: { ...workspace, path: { description: "Directory" } },
  },
  workspace_file_read: {
    title: "Read a file",
    description:
      "Read a text file of /workspace. A large one comes in parts: go on with offset + bytes_read while truncated. Binary files need encoding base64.",
    fields: {
      ...workspace,
      path: inWorkspace,
      max_bytes: { description: "Most bytes" },
      offset: { description: "Byte to begin at" },
      encoding: {},
    },
  },
  workspace_file_write: {
    title: "Write a file",
    description:
      "Replace or create a whole file of /workspace; directories above it are made. To change a part of a file prefer workspace_patch_apply.",
    fields: { ...workspace, path: inWorkspace, encoding: {} },
  },
  workspace_patch_apply: {
    title: "Apply a patch",
    description:
      "Apply a unified diff (---/+++ or git style, paths below /workspace) to add, change, delete or rename text files. All of it or nothing; context lines must match the file exactly. A misfit names file and line, what was expected and what is there. Next: workspace_exec to test.",
    fields: { ...workspace, patch: { description: "Unified diff" } },
  },
  workspace_diff: {
    title: "Show what changed",
    description:
      "Everything that changed in /workspace since the seed, as a patch that git apply takes, and as a list of files. This is how a fix is handed to the user: nothing is written to their files.",
    fields: { ...workspace, binary: { description: "Binary files too" } },
  },
  workspace_export: {
    title: "Export to the user's machine",
    description: `Copy one file or directory out of /workspace to the user's machine, under ${export_root} and nowhere else. Use it only for what the user asked for. Returns output, the path it has there, and files to review before they are trusted.`,
    fields: {
      ...workspace,
      path: inWorkspace,
      output: { description: "Where to, relative to the export directory; must not exist" },
      force: { description: "Replace what is there" },
    },
  },
  workspace_sync_push: {
    title: "Push files into a workspace",
    description: `Lay a directory or archive of the user's machine, under ${roots}, over /workspace: all or nothing, deleting nothing. The baseline stays, so the diff shows what was pushed.`,
    fields: {
      ...workspace,
      source: { description: "Directory, .tar, .tar.gz or .tgz" },
      dest: { description: "Directory below /workspace" },
    },
  },
});

const oneShotTools = ({ environment }: ServerFacts): Record<string, ToolText> => ({
  vm_run: {
    title: "Run one command in a fresh VM",
    description:
      "Run one command in a fresh microVM that is thrown away with everything in it. Use it for a quick check that needs none of the user's files; for files or several steps use a workspace. The default timeout is 30 s, and there is no network unless asked for. Returns exit_code, stdout and stderr; a non-zero exit_code is a result.",
    fields: {
      environment: { description: "Environment", default: environment },
      command: { description: "Program and arguments" },
      timeout_seconds: { description: "Kill it after this long" },
      ttl_seconds: { description: "Lifetime of the machine" },
    },
  },
  vm_list_environments: {
    title: "List environments",
    description: "List the environments that machines can be started from, and which of them are installed.",
  },
  vm_network_info: {
    title: "Show network use",
    description: "What a workspace may connect to, what it connected to, and what was denied.",
    fields: workspace,
  },
  vm_reap_expired: {
    title: "Remove what has expired",
    description: "Remove workspaces that are past their lifetime or cannot be used any more.",
  },
});
