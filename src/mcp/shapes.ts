/** What each tool asks for so that its answer fits, what is kept where it does not, and where the rest is. */
import type { Keep } from "./cut.ts";
import type { Result } from "./text.ts";

type Input = Readonly<Record<string, unknown>>;

export interface Shape {
  /** Input that asks for no more than about `chars` characters; absent where an operation has no such field */
  readonly ask?: (input: Input, chars: number) => Input;
  /** What stays of a field that does not fit; ends of texts and beginnings of lists where none is named */
  readonly keep?: Readonly<Record<string, Keep>>;
  /** Puts right what a cut field changed in the others */
  readonly settle?: (cut: Result, whole: Result) => Result;
  /** How to get the rest, in words for a model */
  readonly rest: (result: Result, input: Input) => string;
}

const atMost = (asked: unknown, most: number): number =>
  Math.max(1, Math.floor(typeof asked === "number" ? Math.min(asked, most) : most));
const text = (value: unknown): string => (typeof value === "string" ? value : String(value ?? ""));
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

const MORE = "more of it with a higher max_output_chars, up to 50000";
/** Characters that an entry of a listing takes at least. */
const ENTRY_CHARS = 110;
const BASE64_SHARE = 0.7;

const output = (result: Result, input: Input): string =>
  `workspace_logs workspace_id=${text(input["workspace_id"])} sequence=${text(result["sequence"])} has all output: from a cursor, or the lines that match grep`;

const reading = (tool: string): Shape => ({
  ask: (input, chars) => ({
    ...input,
    max_bytes: atMost(input["max_bytes"], input["encoding"] === "base64" ? chars * BASE64_SHARE : chars),
  }),
  keep: { content: "head" },
  settle: (cut) => {
    const content = text(cut["content"]);
    const isBase64 = cut["encoding"] === "base64";
    const kept = isBase64 ? content.slice(0, content.length - (content.length % 4)) : content;
    return { ...cut, content: kept, bytes_read: Buffer.from(kept, isBase64 ? "base64" : "utf8").length };
  },
  rest: (result, input) =>
    `${tool} path=${text(input["path"])} offset=${number(result["offset"]) + number(result["bytes_read"])} goes on where this ends`,
});

const listing = (tool: string): Shape => ({
  ask: (input, chars) => ({ ...input, max_entries: atMost(input["max_entries"], chars / ENTRY_CHARS) }),
  keep: { entries: "first" },
  rest: (result) =>
    result["next_cursor"] === null
      ? "list the directories below it one by one"
      : `${tool} with the same path and cursor=${text(result["next_cursor"])}`,
});

const plain: Shape = { rest: () => MORE };

const shapes: Readonly<Record<string, Shape>> = {
  workspace_exec: { rest: output },
  workspace_wait: { rest: output },
  workspace_logs: {
    ask: (input, chars) => ({ ...input, max_chars: atMost(input["max_chars"], chars) }),
    keep: { output: "head", commands: "last" },
    rest: (result, input) =>
      input["sequence"] === undefined
        ? "workspace_logs with the sequence of one command has its whole output"
        : `workspace_logs with the same sequence and cursor=${text(result["next_cursor"])}, or grep for the lines that matter`,
  },
  workspace_file_read: reading("workspace_file_read"),
  workspace_disk_read: reading("workspace_disk_read"),
  workspace_file_list: listing("workspace_file_list"),
  workspace_disk_list: listing("workspace_disk_list"),
  workspace_diff: {
    ask: (input, chars) => ({ ...input, max_patch_bytes: atMost(input["max_patch_bytes"], chars) }),
    keep: { patch: "head", entries: "first" },
    rest: () => `${MORE}; or workspace_file_read of the files that entries names`,
  },
  workspace_list: {
    keep: { workspaces: "first" },
    rest: (result) => `workspace_status shows one by its id or name. Not shown: ${text(result["rest"])}`,
    settle: (cut, whole) => ({ ...cut, rest: unlisted(cut, whole) }),
  },
  workspace_summary: { rest: () => "workspace_logs has the details of commands" },
  service_logs: { rest: () => `fewer tail_lines, or ${MORE}` },
  shell_read: {
    ask: (input, chars) => ({ ...input, max_chars: atMost(input["max_chars"], chars) }),
    keep: { output: "head" },
    rest: (result) => `shell_read with cursor=${text(result["next_cursor"])}`,
  },
  vm_run: { rest: () => `${MORE}; or workspace_create and workspace_exec, whose output is kept whole` },
};

const MOST_NAMES = 40;

/** Ids and names of workspaces that a cut list has no room for. */
function unlisted(cut: Result, whole: Result): string {
  const all = Array.isArray(whole["workspaces"]) ? whole["workspaces"] : [];
  const left = all.slice(Array.isArray(cut["workspaces"]) ? cut["workspaces"].length : 0);
  const names = left.slice(0, MOST_NAMES).map((one: Result) => text(one["name"] ?? one["workspace_id"]));
  return left.length > MOST_NAMES ? `${names.join(", ")} and ${left.length - MOST_NAMES} more` : names.join(", ");
}

export function shapeOf(tool: string): Shape {
  return shapes[tool] ?? plain;
}
