/** Which ports are to be published, as they are asked for. */
import { PyroError } from "../contract/errors.ts";

export interface PortRequest {
  /** 0 for one that the kernel chooses */
  readonly host_port: number;
  readonly guest_port: number;
}

/** Ports below this are for programs that a machine trusts. */
const FIRST_HOST_PORT = 1024;
const LAST_PORT = 65_535;
/** Ports of one service (docs/design/limits.md). */
const PORTS_PER_SERVICE = 16;

/** Reads `GUEST_PORT` or `HOST_PORT:GUEST_PORT`. Throws `invalid_input`. */
export function portRequests(texts: readonly string[]): PortRequest[] {
  if (texts.length > PORTS_PER_SERVICE)
    throw new PyroError("invalid_input", `${texts.length} ports are more than the ${PORTS_PER_SERVICE} of a service`);
  const requests = texts.map(portRequest);
  const guests = requests.map(({ guest_port }) => guest_port);
  const twice = guests.find((port, at) => guests.indexOf(port) !== at);
  if (twice !== undefined) throw new PyroError("invalid_input", `The guest's port ${twice} is published twice`);
  return requests;
}

function portRequest(text: string): PortRequest {
  const [, host, guest] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const host_port = Number(host ?? 0);
  const guest_port = Number(guest ?? 0);
  if (guest === undefined) throw unusable(text, "is neither GUEST_PORT nor HOST_PORT:GUEST_PORT");
  if (guest_port < 1 || guest_port > LAST_PORT)
    throw unusable(text, `has a guest port that is not from 1 to ${LAST_PORT}`);
  if (host_port !== 0 && (host_port < FIRST_HOST_PORT || host_port > LAST_PORT))
    throw unusable(text, `has a port of this machine that is not from ${FIRST_HOST_PORT} to ${LAST_PORT}`);
  return { host_port, guest_port };
}

function unusable(text: string, problem: string): PyroError {
  return new PyroError("invalid_input", `"${text.slice(0, 64)}" ${problem}`, {
    hint: "Give --publish 8000 to have a port chosen, or --publish 8080:8000",
  });
}
