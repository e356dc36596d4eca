/** The proof that guests get out through the gate and no other way: a machine connects to a server of ours. */
import { randomBytes } from "node:crypto";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { GateSurroundings } from "../network/egress-gate.ts";
import { hostAddresses } from "../platform/host-addresses.ts";
import { type ListeningPort, LOOPBACK, listenOnPort } from "../platform/loopback-port.ts";
import { connectToAddress } from "../platform/outbound-connection.ts";
import { Egress } from "./egress.ts";
import type { GuestSource } from "./guest-source.ts";
import type { Check } from "./host-checks.ts";
import type { MachineRequest, WorkContext } from "./machine-source.ts";
import { MachineSession, newVmId } from "./session.ts";

/** Names that nobody has: one that is allowed, and one that is not. */
const ALLOWED = "allowed.egress.invalid";
const DENIED = "denied.egress.invalid";
const COMMAND_MS = 30_000;
const SOCKET_MS = 10_000;

const CHECK = "guest network";

/** Tries it in a machine of a warm environment, of this one where it is warm. */
export async function checkEgress(
  guests: GuestSource,
  environment: string | undefined,
  context: WorkContext,
): Promise<Check> {
  const request = await warmRequest(guests, environment);
  if (request === undefined) {
    const remedy = `pyro prepare ${environment ?? "debian:12"} --network`;
    return { name: CHECK, state: "not_tried", detail: "no environment is warm", remedy };
  }
  void context.emit({ type: "progress", stage: "network", message: "Trying the way out of a guest" });
  const began = performance.now();
  try {
    await proveEgress(guests, request, context);
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    return { name: CHECK, state: "ok", detail: `a guest got through its gate in ${seconds} s`, remedy: null };
  } catch (thrown) {
    const error = toPyroError(thrown);
    if (error.code === "cancelled") throw error;
    return { name: CHECK, state: "failed", detail: error.message, remedy: error.hint };
  }
}

async function warmRequest(guests: GuestSource, environment: string | undefined): Promise<MachineRequest | undefined> {
  const templates = guests.templates.all().map((template) => ({ template, ...template.origin }));
  for (const { template, ...origin } of templates) {
    if (environment !== undefined && origin.environment !== environment) continue;
    if ((await guests.changesSince(template)).length > 0) continue;
    return { environment: origin.environment, vcpu_count: origin.vcpu_count, mem_mib: origin.mem_mib };
  }
  return undefined;
}

/** Throws `egress_unproved` where a machine does not reach a server of ours by a name that is allowed, or reaches it by another. */
export async function proveEgress(guests: GuestSource, request: MachineRequest, context: WorkContext): Promise<void> {
  const session = await MachineSession.begin(await guests.open(request, context), newVmId(), context.signal);
  try {
    await proveIn(session, context.signal);
  } finally {
    await session.close();
  }
}

async function proveIn(session: MachineSession, signal: AbortSignal): Promise<void> {
  const word = randomBytes(16).toString("hex");
  const server = await serve(word);
  const egress = new Egress({ network_policy: "egress", allow_egress: [`${ALLOWED}:${server.port}`] }, around(server));
  try {
    await egress.begin(session);
    const said = await asked(session, ALLOWED, server.port, signal);
    if (said !== word)
      throw new PyroError(
        "egress_unproved",
        `A guest did not reach a server that its gate allows: ${said.slice(0, 200)}`,
      );
    if ((await asked(session, DENIED, server.port, signal)).includes(word))
      throw new PyroError("egress_unproved", "A guest reached a server by a name that its gate does not allow");
    const { allowed_count, denied_count } = egress.view();
    if (allowed_count !== 1 || denied_count === 0)
      throw new PyroError("egress_unproved", `The gate saw ${allowed_count} connections and ${denied_count} denials`);
  } finally {
    egress.end();
    server.close();
  }
}

/** A server of ours on the loopback, which says one word to whoever connects. */
async function serve(word: string): Promise<ListeningPort> {
  const server = await listenOnPort(0, (socket) => {
    socket.on("error", () => {});
    socket.setTimeout(SOCKET_MS, () => void socket.destroy());
    socket.resume();
    socket.end(word);
  });
  if (server === undefined) throw new PyroError("host_io_failed", "No port of the loopback is free");
  return server;
}

/** The names are known here, and the loopback is reached on this one port. */
function around({ port }: ListeningPort): GateSurroundings {
  return {
    lookup: async () => [LOOPBACK],
    connect: connectToAddress,
    ownAddresses: hostAddresses,
    exception: { address: LOOPBACK, port },
  };
}

/** The agent itself, where every machine has it, as a program like any other: an environment need not have one that connects. */
const AGENT = "/proc/1/exe";

/** What a program in the guest reads from a connection, or says about it. */
async function asked(session: MachineSession, name: string, port: number, signal: AbortSignal): Promise<string> {
  const output: Uint8Array[] = [];
  await session.exec({
    argv: [AGENT, "ask", name, String(port)],
    timeout_ms: COMMAND_MS,
    stdin: undefined,
    signal,
    onOutput: (_, part) => void output.push(part),
  });
  return Buffer.concat(output).toString();
}
