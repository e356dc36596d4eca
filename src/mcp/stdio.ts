/** A server on standard input and output, until the client goes or a signal comes. */
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { protocolInput, protocolOutput } from "../platform/protocol-streams.ts";
import { note } from "./notes.ts";
import { newServer } from "./server.ts";
import type { ServerParts } from "./server-parts.ts";

/** Longest message of a client, in bytes (docs/design/limits.md). */
export const MAX_LINE_BYTES = 16 * 1_048_576;
/** How long calls in progress may take to end when the server does, in milliseconds. */
const FAREWELL_MS = 120;

export async function serveOverStdio(parts: ServerParts, stop: AbortSignal): Promise<void> {
  const output = protocolOutput();
  const input = protocolInput(MAX_LINE_BYTES, (tail) => output.write(tooLong(tail)));
  const gone = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"] as const) input.once(event, () => resolve());
    output.once("error", () => resolve());
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const transport = new StdioServerTransport(input, output, { maxBufferSize: 2 * MAX_LINE_BYTES });
  const handle = serveStdio(() => newServer(parts), { transport, onerror: ({ message }) => note(firstLine(message)) });
  if (stop.aborted) return handle.close();
  await gone;
  await handle.close();
  await settled(parts.pending);
}

/** Resolves when all calls have ended, or it takes too long. */
export async function settled(pending: ReadonlySet<Promise<unknown>>): Promise<void> {
  const timer = new Promise<void>((resolve) => setTimeout(resolve, FAREWELL_MS).unref());
  await Promise.race([Promise.allSettled([...pending]), timer]);
}

/** The answer to a message that was not read; whose it was stands at its end, where clients write it. */
function tooLong(tail: string): string {
  const [, id] = /"id"\s*:\s*(\d{1,15}|"[\w-]{1,128}")\s*\}\s*$/.exec(tail) ?? [];
  note(`a message of more than ${MAX_LINE_BYTES} bytes was left out`);
  const error = { code: -32600, message: `A message has at most ${MAX_LINE_BYTES} bytes` };
  return id === undefined ? "" : `${JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(id), error })}\n`;
}

function firstLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.slice(0, 300);
}
