/** Turns an agent's refusal into one of pyro's errors; its text is untrusted and is cleaned and cut. */
import { type ErrorCode, PyroError } from "../contract/errors.ts";
import { cleanText } from "../contract/text.ts";
import { messages } from "./messages.ts";

/** Longest text of an agent's error that is shown, in characters (docs/design/limits.md). */
const MAX_ERROR_TEXT = 2048;

/** Codes about trees of files, which are called the same on both sides. */
const treeCodes = [
  "dest_not_directory",
  "directory_not_empty",
  "duplicate_entry",
  "guest_disk_full",
  "is_a_directory",
  "path_changed",
  "path_escape",
  "path_exists",
  "path_not_directory",
  "path_not_found",
  "path_too_long",
] as const satisfies readonly ErrorCode[];

const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ["command_not_found", "command_not_found"],
  ["command_not_executable", "command_not_executable"],
  ["argument_too_long", "argument_too_long"],
  ["cwd_not_found", "invalid_input"],
  ["port_refused", "port_refused"],
  ["not_available", "not_available"],
  ["protocol_mismatch", "agent_mismatch"],
  ...treeCodes.map((code): [string, ErrorCode] => [code, code]),
]);

/** The error that a code of the agent's means. */
export function errorCodeOf(agentCode: string): ErrorCode {
  return codes.get(agentCode) ?? "guest_lost";
}

/** The error for a reply whose status is not 200. */
export function refusal(method: string, body: string): PyroError {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    value = undefined;
  }
  const failure = messages.failure.safeParse(value);
  if (!failure.success) return new PyroError("protocol_violation", `The agent refused ${method} in an unknown form`);
  const code = errorCodeOf(failure.data.code);
  const message = cleanText(failure.data.message).slice(0, MAX_ERROR_TEXT);
  return new PyroError(code, message, { details: { agent_code: failure.data.code, errno: failure.data.errno } });
}
