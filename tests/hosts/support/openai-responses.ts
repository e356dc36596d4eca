/** OpenAI's Responses API, as far as Codex uses it. */
import { z } from "zod";
import { type Dialect, type IssuedTurn, type ModelRequest, namedEvent, plainText } from "./script.ts";

const parameters = z.record(z.string(), z.unknown()).default({});
const described = z.looseObject({
  type: z.string(),
  name: z.string().default(""),
  description: z.string().default(""),
  parameters,
  tools: z
    .array(z.looseObject({ name: z.string().default(""), description: z.string().default(""), parameters }))
    .default([]),
});

const request = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  instructions: z.string().default(""),
  tools: z.array(described).default([]),
  input: z.array(
    z.looseObject({
      type: z.string().default("message"),
      call_id: z.string().optional(),
      output: z.unknown().optional(),
    }),
  ),
});

export const openaiResponses: Dialect = {
  path: "/v1/responses",
  read: (body): ModelRequest => {
    const { model, stream, instructions, tools, input } = request.parse(body);
    const groups = tools.filter(({ type }) => type === "namespace");
    return {
      model,
      is_streamed: stream,
      system: [instructions, ...groups.map(({ description }) => description)].join("\n"),
      tools: [
        ...tools.filter(({ type }) => type === "function"),
        ...groups.flatMap(({ name, tools }) => tools.map((tool) => ({ ...tool, namespace: name }))),
      ],
      results: input
        .filter(({ type }) => type === "function_call_output")
        .map(({ call_id = "", output }) => ({ id: call_id, text: plainText(output) })),
    };
  },
  stream: (turn) => {
    const response = wholeResponse(turn);
    const { output, ...begun } = response;
    return [
      { type: "response.created", response: { ...begun, status: "in_progress", output: [] } },
      ...output.flatMap((item, output_index) => [
        { type: "response.output_item.added", output_index, item },
        { type: "response.output_item.done", output_index, item },
      ]),
      { type: "response.completed", response },
    ]
      .map(namedEvent)
      .join("");
  },
  whole: (turn) => JSON.stringify(wholeResponse(turn)),
};

function wholeResponse({ id, model, text, calls }: IssuedTurn) {
  const message = {
    type: "message",
    id: `msg_${id}`,
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text, annotations: [] }],
  };
  return {
    id: `resp_${id}`,
    object: "response",
    model,
    status: "completed",
    output: [
      ...(text === "" ? [] : [message]),
      ...calls.map(({ id, name, namespace, input }) => ({
        type: "function_call",
        id: `fc_${id}`,
        call_id: id,
        name,
        ...(namespace && { namespace }),
        arguments: JSON.stringify(input),
        status: "completed",
      })),
    ],
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 10,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 20,
    },
  };
}
