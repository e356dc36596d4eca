/** A model on loopback that says what a script has, and writes down what its host showed it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Dialect, IssuedTurn, ModelRequest, OfferedTool, SeenResult, Step, ToolUse } from "./script.ts";

export interface ScriptedModel {
  /** Where its API begins, without a path */
  readonly url: string;
  /** Requests that offered tools: the conversation itself, in its order */
  readonly requests: readonly ModelRequest[];
  /** Results of all calls, each as it was first shown */
  readonly results: readonly SeenResult[];
  /** What went against the script; empty where all went as written */
  readonly failures: readonly string[];
  close(): Promise<void>;
}

/** Said to what is not the conversation, such as a request for a title. */
const ASIDE = "A title";

/** Serves a script in the words of one provider. */
export async function serveModel(dialect: Dialect, steps: readonly Step[]): Promise<ScriptedModel> {
  const conversation = new Conversation(steps);
  const server = createServer((request, response) => {
    answer(dialect, conversation, request, response).catch((thrown: unknown) => {
      conversation.failures.push(String(thrown));
      response.writeHead(400).end(JSON.stringify({ error: { message: String(thrown) } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: conversation.requests,
    results: conversation.results,
    failures: conversation.failures,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  dialect: Dialect,
  conversation: Conversation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "", "http://model");
  const json = { "content-type": "application/json" };
  const body = await bodyOf(request);
  if (request.method !== "POST") {
    response.writeHead(request.method === "HEAD" ? 200 : 404, json).end();
    return;
  }
  if (pathname === `${dialect.path}/count_tokens`) {
    response.writeHead(200, json).end(JSON.stringify({ input_tokens: 1_000 }));
    return;
  }
  if (pathname !== dialect.path) {
    response.writeHead(404, json).end(JSON.stringify({ error: { message: `no ${pathname} here` } }));
    return;
  }
  const asked = dialect.read(JSON.parse(body));
  const turn = conversation.next(asked);
  if (asked.is_streamed) response.writeHead(200, { "content-type": "text/event-stream" }).end(dialect.stream(turn));
  else response.writeHead(200, json).end(dialect.whole(turn));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Where the script stands follows from the results in a request, so that a request which is sent again gets the same answer. */
class Conversation {
  readonly requests: ModelRequest[] = [];
  readonly results: SeenResult[] = [];
  readonly failures: string[] = [];
  readonly #tools = new Map<string, string>();
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  next(asked: ModelRequest): IssuedTurn {
    if (asked.tools.length === 0) return { id: "aside", model: asked.model, text: ASIDE, calls: [] };
    this.requests.push(asked);
    for (const { id, text } of asked.results)
      if (!this.results.some((seen) => seen.id === id))
        this.results.push({ id, text, tool: this.#tools.get(id) ?? "unknown" });
    const at = 1 + Math.max(-1, ...asked.results.map(({ id }) => Number(id.split("_")[1])));
    try {
      return this.#issue(at, asked);
    } catch (thrown) {
      this.failures.push(`turn ${at}: ${String(thrown)}`);
      return { id: String(at), model: asked.model, text: "The script broke", calls: [] };
    }
  }

  #issue(at: number, { model, tools }: ModelRequest): IssuedTurn {
    const step = this.#steps[at];
    if (step === undefined) throw new Error("the script has no such turn");
    const turn = typeof step === "function" ? step(this.results) : step;
    if (typeof turn === "string") return { id: String(at), model, text: turn, calls: [] };
    const calls = turn.map((use, index) => this.#issued(`call_${at}_${index}`, use, tools));
    return { id: String(at), model, text: "", calls };
  }

  #issued(id: string, { tool, input }: ToolUse, tools: readonly OfferedTool[]) {
    const offered = offeredAs(tool, tools);
    if (offered === undefined) throw new Error(`${tool} is not offered`);
    this.#tools.set(id, tool);
    return { id, name: offered.name, ...(offered.namespace && { namespace: offered.namespace }), input };
  }
}

/** The tool which a host calls by a name that ends with pyro's own. */
export function offeredAs(tool: string, tools: readonly OfferedTool[]): OfferedTool | undefined {
  return tools.find(({ name }) => name === tool || name.endsWith(`_${tool}`));
}
