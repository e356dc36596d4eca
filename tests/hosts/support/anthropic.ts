/** Anthropic's Messages API, as far as Claude Code uses it. */
import { z } from "zod";
import { type Dialect, type IssuedTurn, type ModelRequest, namedEvent, plainText } from "./script.ts";

const block = z.looseObject({
  type: z.string(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
});

const request = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  system: z.unknown().optional(),
  tools: z
    .array(
      z.looseObject({
        name: z.string(),
        description: z.string().default(""),
        input_schema: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .default([]),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(block)]) })),
});

export const anthropicMessages: Dialect = {
  path: "/v1/messages",
  read: (body): ModelRequest => {
    const { model, stream, system, tools, messages } = request.parse(body);
    const blocks = messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
    return {
      model,
      is_streamed: stream,
      system: [system, ...messages.filter(({ role }) => role === "system").map(({ content }) => content)]
        .map(plainText)
        .join("\n"),
      tools: tools.map(({ name, description, input_schema }) => ({ name, description, parameters: input_schema })),
      results: blocks
        .filter(({ type }) => type === "tool_result")
        .map(({ tool_use_id = "", content }) => ({ id: tool_use_id, text: plainText(content) })),
    };
  },
  stream: (turn) => {
    const { content, stop_reason, ...message } = wholeMessage(turn);
    const begun = { ...message, content: [], stop_reason: null };
    return [
      { type: "message_start", message: begun },
      ...content.flatMap((each, index) => [
        { type: "content_block_start", index, content_block: { ...each, ...emptied(each) } },
        { type: "content_block_delta", index, delta: delta(each) },
        { type: "content_block_stop", index },
      ]),
      { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
      { type: "message_stop" },
    ]
      .map(namedEvent)
      .join("");
  },
  whole: (turn) => JSON.stringify(wholeMessage(turn)),
};

type Block = { type: "text"; text: string } | { type: "tool_use"; id: string; name: string; input: object };

function wholeMessage({ id, model, text, calls }: IssuedTurn) {
  const content: Block[] = [
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...calls.map(({ id, name, input }) => ({ type: "tool_use" as const, id, name, input })),
  ];
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: calls.length > 0 ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 10 },
  };
}

const emptied = (each: Block) => (each.type === "text" ? { text: "" } : { input: {} });

const delta = (each: Block) =>
  each.type === "text"
    ? { type: "text_delta", text: each.text }
    : { type: "input_json_delta", partial_json: JSON.stringify(each.input) };
