/** Rows of the error table: the MCP server. */
import type { ErrorRow } from "./error-row.ts";

export const mcpErrors = {
  needs_human: {
    kind: "usage",
    meaning: "A tool call asks for more than what a person permitted when the server was started",
    hint: "Ask the person who started the server; pyro mcp serve --help names what can be permitted",
  },
} as const satisfies Record<string, ErrorRow>;
