/** One tool call: its arguments checked, the operation invoked, the answer cleaned, cut to size and given as data and as text. */
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import type { Engine, ProjectSource } from "../engine.ts";
import { invoke } from "../operations/invoke.ts";
import type { Borders } from "./borders.ts";
import { cleaned } from "./clean.ts";
import { type Cut, cutTo } from "./cut.ts";
import { failureReply, type ToolReply } from "./failure.ts";
import { shapeOf } from "./shapes.ts";
import { type Result, resultText } from "./text.ts";
import { REPLY_CHARS, type Tool } from "./tool.ts";
import { inToolWords } from "./tool-words.ts";

type Input = Readonly<Record<string, unknown>>;

/** What all calls of a server share. */
export interface Served {
  readonly engine: () => Promise<Engine>;
  readonly borders: Borders;
  /** What workspaces begin with that are told nothing */
  readonly project: () => Promise<ProjectSource>;
  /** Names of the tools that are offered */
  readonly offered: ReadonlySet<string>;
}

export interface CallContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Share of an answer's size that is asked of an operation: the rest is for names and for what is written with escapes. */
const ASKED_SHARE = 0.75;
/** How often less is asked for, until what comes can be given whole. */
const MOST_ASKED = 5;
/** Room for the words that say where the rest is. */
const REST_CHARS = 400;

/** Calls a tool. Resolves with an error's reply where pyro could not do it, and never rejects. */
export async function callTool(tool: Tool, args: Input, served: Served, context: CallContext): Promise<ToolReply> {
  try {
    const { max_output_chars, ...given } = args;
    const limit = sizeFrom(tool, max_output_chars);
    refuseUnknown(tool, given);
    const input = served.borders.admit(tool, { ...tool.defaults, ...given });
    return replyOf(await resultWithin(tool, input, limit, served, context));
  } catch (thrown) {
    return failureReply(thrown, served.engine, served.offered);
  }
}

function sizeFrom(tool: Tool, asked: unknown): number {
  if (asked === undefined) return REPLY_CHARS.standard;
  const { least, most } = REPLY_CHARS;
  if (!("max_output_chars" in tool.listing.inputSchema.properties)) throw unknownField(tool, ["max_output_chars"]);
  if (typeof asked === "number" && Number.isInteger(asked) && asked >= least && asked <= most) return asked;
  throw new PyroError(
    "invalid_input",
    `max_output_chars: ${JSON.stringify(asked)} is not a whole number from ${least} to ${most}`,
    {
      hint: "Leave it out for 10000",
    },
  );
}

/** A field has one name, the listed one; what a person did not permit is for the borders to refuse. */
function refuseUnknown(tool: Tool, given: Input): void {
  const known = tool.listing.inputSchema.properties;
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(known, name) && !widens(tool, name));
  if (unknown.length > 0) throw unknownField(tool, unknown);
}

function unknownField(tool: Tool, names: readonly string[]): PyroError {
  const message = `${tool.name} has no field ${names.map((name) => JSON.stringify(name.slice(0, 100))).join(", ")}`;
  return new PyroError("invalid_input", message, {
    hint: `Its fields are ${Object.keys(tool.listing.inputSchema.properties).join(", ")}`,
  });
}

/** Whether a field is one of the operation's that this server does not take. */
function widens(tool: Tool, name: string): boolean {
  return tool.hidden.has(name) && Object.hasOwn(tool.op.input.shape, name);
}

/** The result in at most `limit` characters; less is asked for as long as what comes back could not be paged. */
async function resultWithin(
  tool: Tool,
  input: Input,
  limit: number,
  served: Served,
  context: CallContext,
): Promise<Result> {
  const shape = shapeOf(tool.name);
  const project = await served.project();
  const operation = { engine: await served.engine(), ...context, stdin: undefined, project };
  let chars = limit * ASKED_SHARE;
  for (let asked = 1; ; asked += 1) {
    const answer: unknown = await invoke(tool.op, shape.ask?.(input, chars) ?? input, operation);
    const whole = withToolWords(asResult(cleaned(answer, tool.hidden)), served.offered);
    const cut = cutTo(whole, limit - REST_CHARS, shape.keep ?? {});
    const isPaged = shape.ask !== undefined && "next_cursor" in whole && cut.fields.length > 0;
    if (isPaged && asked < MOST_ASKED) chars /= 2;
    else return told(tool, whole, cut, input, limit);
  }
}

/** The result with where the rest of it is, where there is more. */
function told(tool: Tool, whole: Result, cut: Cut, input: Input, limit: number): Result {
  const { result, fields } = cut;
  if (fields.length === 0 && result["truncated"] !== true) return result;
  const shape = shapeOf(tool.name);
  const settled = fields.length === 0 ? result : (shape.settle?.(result, whole) ?? result);
  const marked = { ...settled, truncated: true, rest: shape.rest(settled, input).slice(0, limit - 1) };
  return cutTo(marked, limit, shape.keep ?? {}).result;
}

/** What an outcome says to do is said in tools. */
function withToolWords(result: Result, offered: ReadonlySet<string>): Result {
  const { outcome } = result;
  if (typeof outcome !== "object" || outcome === null) return result;
  const { remedy } = { remedy: undefined, ...outcome };
  if (typeof remedy !== "string") return result;
  return { ...result, outcome: { ...outcome, remedy: inToolWords(remedy, offered) } };
}

function asResult(value: unknown): Result {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : { value };
}

function replyOf(result: Result): ToolReply {
  return { structuredContent: result, content: [{ type: "text", text: resultText(textFields(result)) }] };
}

/** The same with the bytes of files made safe to show: text may reach a terminal. */
function textFields(result: Result): Result {
  const shown = { ...result };
  for (const name of ["content", "patch"])
    if (typeof shown[name] === "string") shown[name] = cleaned(shown[name], new Set(), "text");
  return shown;
}
