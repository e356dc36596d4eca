/** What a scripted model says, turn by turn, in the same form for each chat host. */

/** One call of a tool of pyro's, by the name that pyro has for it; or of one of the host's own, by its full name. */
export interface ToolUse {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A last word, or calls. */
export type Turn = string | readonly ToolUse[];

/** A result as its host showed it to the model. */
export interface ToolResult {
  /** The id that the model gave to the call */
  readonly id: string;
  readonly text: string;
}

/** A result, and what it answers. */
export interface SeenResult extends ToolResult {
  readonly tool: string;
}

/** A turn, or how it follows from the results of all turns before. */
export type Step = Turn | ((seen: readonly SeenResult[]) => Turn);

export interface OfferedTool {
  /** As a call has to spell it */
  readonly name: string;
  /** Group of tools that the name belongs to, where the host has such groups */
  readonly namespace?: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What a host asked its model, in the parts that all hosts have. */
export interface ModelRequest {
  readonly model: string;
  readonly system: string;
  readonly tools: readonly OfferedTool[];
  readonly results: readonly ToolResult[];
  readonly is_streamed: boolean;
}

export interface IssuedCall {
  readonly id: string;
  readonly name: string;
  readonly namespace?: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A turn with the host's names and with ids. */
export interface IssuedTurn {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly calls: readonly IssuedCall[];
}

/** How one model provider's API is spoken. */
export interface Dialect {
  /** Path at which turns are asked for */
  readonly path: string;
  read(body: unknown): ModelRequest;
  /** Server-sent events that say the turn */
  stream(turn: IssuedTurn): string;
  /** The same in one piece */
  whole(turn: IssuedTurn): string;
}

/** One server-sent event with a name. */
export function namedEvent(body: Readonly<Record<string, unknown>> & { readonly type: string }): string {
  return `event: ${body.type}\ndata: ${JSON.stringify(body)}\n\n`;
}

/** The text of a content that is a string or a list of parts, as all providers have it. */
export function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? "" : JSON.stringify(content);
  return content.map((part: { readonly text?: unknown }) => part.text ?? JSON.stringify(part)).join("\n");
}
