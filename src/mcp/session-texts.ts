/** What a model is told of the tools that only some profiles and modes have: snapshots, services, shells, stopped disks. */

export interface ToolText {
  readonly title: string;
  readonly description: string;
  /** Fields whose own description a model needs in other words */
  readonly fields?: Readonly<Record<string, { readonly description?: string; readonly default?: unknown }>>;
}

/** The workspace that a call is about. */
export const workspace = { workspace_id: { description: "Id or name" } };
const snapshot = { ...workspace, snapshot_name: { description: "Name" } };
const service = { ...workspace, service_name: { description: "Name" } };
const shell = { ...workspace, shell_id: { description: "Id" } };

export const sessionTools: Record<string, ToolText> = {
  snapshot_create: {
    title: "Keep a snapshot",
    description: "Keep the whole disk under a name, in milliseconds, so that workspace_reset can return to it.",
    fields: snapshot,
  },
  snapshot_list: {
    title: "List snapshots",
    description: "List the snapshots of a workspace, the baseline first.",
    fields: workspace,
  },
  snapshot_delete: {
    title: "Forget a snapshot",
    description: "Forget a snapshot. The workspace does not change.",
    fields: snapshot,
  },
  service_start: {
    title: "Start a service",
    description:
      "Start a named process that goes on, such as a server, and wait until it is ready (30 s, ready_timeout_seconds). Give readiness where there is a way to tell. A service that is not ready in time is stopped, and the error has the end of its logs. published_ports needs a workspace whose network_policy is egress+published-ports.",
    fields: {
      ...service,
      command: { description: "Program and arguments, in the foreground" },
      cwd: { description: "/workspace by default" },
      ready_timeout_seconds: { description: "Time to be ready" },
    },
  },
  service_list: {
    title: "List services",
    description: "List the services of a workspace and their state.",
    fields: workspace,
  },
  service_status: {
    title: "Show a service",
    description: "Show whether one service runs, why it ended, and its ports.",
    fields: service,
  },
  service_logs: {
    title: "Read a service's output",
    description: "The last lines that a service printed, 200 by default, stdout and stderr apart.",
    fields: { ...service, tail_lines: { description: "Last lines of each" }, all: { description: "All that is kept" } },
  },
  service_stop: {
    title: "Stop a service",
    description: "End a service and everything it started, with SIGTERM and after grace_seconds (10) SIGKILL.",
    fields: { ...service, grace_seconds: {} },
  },
  shell_open: {
    title: "Open a shell",
    description:
      "Open a shell on a terminal, for programs that ask, draw or keep state. It stays open until shell_close, reset or stop. Returns shell_id. Next: shell_write, then shell_read. For single commands prefer workspace_exec.",
    fields: { ...workspace, cwd: { description: "Directory" }, cols: {}, rows: {} },
  },
  shell_read: {
    title: "Read a shell",
    description:
      "What a shell printed since cursor, as a person would see it. Give wait_for_idle_ms (such as 300) after shell_write, so that the program has answered. Takes nothing away.",
    fields: {
      ...shell,
      cursor: { description: "0, or next_cursor of an earlier answer" },
      max_chars: { description: "Most raw characters" },
      plain: { description: "Without escape sequences", default: true },
      wait_for_idle_ms: { description: "Answer once it was silent so long, at most 30 s" },
    },
  },
  shell_write: {
    title: "Type into a shell",
    description:
      "Type text into a shell and press Enter (not with no_newline). Next: shell_read with wait_for_idle_ms.",
    fields: { ...shell, no_newline: { description: "No Enter" } },
  },
  shell_signal: {
    title: "Signal a shell",
    description: "Send a signal to what runs in a shell; INT is Ctrl-C.",
    fields: shell,
  },
  shell_close: { title: "Close a shell", description: "End a shell and what it started.", fields: shell },
  shell_list: { title: "List shells", description: "List the shells of a workspace.", fields: workspace },
  workspace_disk_list: {
    title: "List files of a stopped disk",
    description: "List files anywhere on the disk of a stopped workspace; nothing in it runs.",
    fields: workspace,
  },
  workspace_disk_read: {
    title: "Read a file of a stopped disk",
    description: "Read a file anywhere on the disk of a stopped workspace; nothing in it runs.",
    fields: workspace,
  },
  workspace_disk_export: {
    title: "Export a stopped disk",
    description: "Write the disk of a stopped workspace to the export directory as a raw ext4 image.",
    fields: workspace,
  },
};
