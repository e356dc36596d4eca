/** OpenAI's chat completions, as far as OpenCode uses them with a provider of the user's own. */
import { z } from "zod";
import { type Dialect, type IssuedTurn, type ModelRequest, plainText } from "./script.ts";

const request = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  tools: z
    .array(
      z.looseObject({
        function: z.looseObject({
          name: z.string(),
          description: z.string().default(""),
          parameters: z.record(z.string(), z.unknown()).default({}),
        }),
      }),
    )
    .default([]),
  messages: z.array(
    z.looseObject({ role: z.string(), content: z.unknown().optional(), tool_call_id: z.string().optional() }),
  ),
});

export const openaiChat: Dialect = {
  path: "/v1/chat/completions",
  read: (body): ModelRequest => {
    const { model, stream, tools, messages } = request.parse(body);
    return {
      model,
      is_streamed: stream,
      system: messages
        .filter(({ role }) => role === "system")
        .map(({ content }) => plainText(content))
        .join("\n"),
      tools: tools.map((tool) => tool.function),
      results: messages
        .filter(({ role }) => role === "tool")
        .map(({ tool_call_id = "", content }) => ({ id: tool_call_id, text: plainText(content) })),
    };
  },
  stream: (turn) => {
    const { finish_reason, message } = choice(turn);
    const piece = { ...head(turn), object: "chat.completion.chunk" };
    const calls = message.tool_calls.map((call, index) => ({ index, ...call }));
    const delta = { role: message.role, content: message.content, ...(calls.length > 0 && { tool_calls: calls }) };
    return [
      { ...piece, choices: [{ index: 0, delta, finish_reason: null }] },
      { ...piece, choices: [{ index: 0, delta: {}, finish_reason }] },
      { ...piece, choices: [], usage },
    ]
      .map((body) => `data: ${JSON.stringify(body)}\n\n`)
      .concat("data: [DONE]\n\n")
      .join("");
  },
  whole: (turn) => JSON.stringify({ ...head(turn), object: "chat.completion", choices: [choice(turn)], usage }),
};

const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };

const head = ({ id, model }: IssuedTurn) => ({ id: `chatcmpl-${id}`, created: 1, model });

function choice({ text, calls }: IssuedTurn) {
  return {
    index: 0,
    message: {
      role: "assistant",
      content: text === "" ? null : text,
      tool_calls: calls.map(({ id, name, input }) => ({
        id,
        type: "function",
        function: { name, arguments: JSON.stringify(input) },
      })),
    },
    finish_reason: calls.length > 0 ? "tool_calls" : "stop",
  };
}
