/** What a model is told when pyro could not do what it asked: the error as data and as text, with a next step that it can take. */
import { type ErrorDocument, type PyroError, toPyroError } from "../contract/errors.ts";
import type { Engine } from "../engine.ts";
import { cleaned } from "./clean.ts";
import { cutTo } from "./cut.ts";
import { resultText } from "./text.ts";
import { inToolWords } from "./tool-words.ts";

/** Most characters of an error in one of its forms (docs/design/limits.md). */
export const ERROR_CHARS = 4_000;
const MESSAGE_CHARS = 1_500;
/** Workspaces that are named where one was not found. */
const MOST_KNOWN = 20;

/** Codes for which the names of what there is help. */
const needsNames: ReadonlySet<string> = new Set(["workspace_not_found", "workspace_ambiguous", "workspace_expired"]);

export interface ToolReply {
  readonly content: readonly { readonly type: "text"; readonly text: string }[];
  readonly structuredContent: Readonly<Record<string, unknown>>;
  readonly isError?: true;
}

/** The reply for something thrown. */
export async function failureReply(
  thrown: unknown,
  engine: () => Promise<Engine>,
  offered: ReadonlySet<string>,
): Promise<ToolReply> {
  const error = toPyroError(thrown);
  const details = needsNames.has(error.code) ? { ...error.details, ...(await known(engine)) } : error.details;
  const document = cleaned(forModels(error, details, offered), new Set()) as ErrorDocument;
  const { result } = cutTo({ ...document }, ERROR_CHARS, {});
  return {
    isError: true,
    structuredContent: result,
    content: [{ type: "text", text: errorText(result) }],
  };
}

function forModels(error: PyroError, details: ErrorDocument["details"], offered: ReadonlySet<string>): ErrorDocument {
  return {
    code: error.code,
    message: error.message.slice(0, MESSAGE_CHARS),
    hint: inToolWords(error.hint, offered).slice(0, MESSAGE_CHARS),
    details,
  };
}

function errorText(result: Readonly<Record<string, unknown>>): string {
  const { code, message, hint, details } = result;
  const head = `[${String(code)}] ${String(message)}\nhint: ${String(hint)}`;
  const more = resultText(typeof details === "object" && details !== null ? { ...details } : {});
  const text = more === "" ? head : `${head}\n${more}`;
  return text.slice(0, ERROR_CHARS);
}

/** Who there is, as a help; that they cannot be listed is not what went wrong. */
async function known(engine: () => Promise<Engine>): Promise<Readonly<Record<string, unknown>>> {
  try {
    const { workspaces } = await (await engine()).workspaces.list();
    const shown = workspaces
      .slice(0, MOST_KNOWN)
      .map(({ workspace_id, name, state }) => ({ workspace_id, name, state }));
    return { known_workspaces: shown, known_workspace_count: workspaces.length };
  } catch {
    return {};
  }
}
