/** What `import … from "pyro-mcp"` gives. */
export type { ErrorKind } from "../contract/error-row.ts";
export {
  type ErrorCode,
  type ErrorDetails,
  type ErrorDocument,
  PyroError,
} from "../contract/errors.ts";
export type { ExecutionMode } from "../contract/fields.ts";
export type { Emit, OperationEvent, OutputEvent, ProgressEvent, WarningEvent } from "../contract/progress.ts";
export type { ServerOptionsInput } from "../contract/server-options.ts";
export { createServer } from "../mcp/create-server.ts";
export type { McpTransport, PyroMcpServer } from "../mcp/pyro-mcp-server.ts";
export { type CallOptions, Pyro, type PyroMethods } from "./pyro.ts";
