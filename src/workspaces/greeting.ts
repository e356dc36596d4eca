/** The beginning of a machine in use: shaken hands with, made itself, and given its secrets. */
import { randomBytes } from "node:crypto";
import { PyroError } from "../contract/errors.ts";
import type { AgentClient } from "../wire/client.ts";
import { PROTOCOL_VERSION } from "../wire/messages.ts";
import type { OpenMachine } from "./machine-source.ts";
import { SECRETS_DIRECTORY, type Secrets } from "./secrets/secrets.ts";

/** How late a machine's clock may be when its first command starts, in milliseconds. */
const CLOCK_TOLERANCE_MS = 300;
/** Entropy credited to a machine before its first command, in bytes. */
const ENTROPY_BYTES = 256;

/** Who a machine is. */
export interface Identity {
  readonly hostname: string;
  readonly secrets: Secrets;
}

/** Makes a machine that waits for its setup one that commands can run in. */
export async function greet(
  agent: AgentClient,
  open: OpenMachine,
  { hostname, secrets }: Identity,
  signal: AbortSignal,
): Promise<void> {
  // At once: the agent answers in order, and nothing is lost on a machine that turns out to be another build's.
  await Promise.all([hello(agent, open, signal), setUp(agent, open, hostname, signal)]);
  if (secrets.isEmpty) return;
  const { secrets_directory: directory = SECRETS_DIRECTORY, call_deadline_ms: deadline_ms } = open;
  await agent.call("secrets", { directory, secrets: secrets.files() }, { deadline_ms, signal });
}

/** Gives a machine the host's wall time. */
export async function setClock(
  agent: AgentClient,
  { call_deadline_ms: deadline_ms }: OpenMachine,
  signal?: AbortSignal,
): Promise<void> {
  await agent.call("clock", { wall_time_unix_ms: Date.now() }, { deadline_ms, ...(signal && { signal }) });
}

async function hello(agent: AgentClient, open: OpenMachine, signal: AbortSignal): Promise<void> {
  const nonce = randomBytes(16).toString("hex");
  const { agent_build: build, call_deadline_ms: deadline_ms } = open;
  const answer = await agent.call("hello", { protocol: PROTOCOL_VERSION, build, nonce }, { deadline_ms, signal });
  if (answer.nonce !== nonce) throw new PyroError("protocol_violation", "The agent's greeting does not answer ours");
  if (answer.build !== build)
    throw new PyroError("agent_mismatch", `The agent is build ${answer.build}, pyro needs ${build}`);
}

async function setUp(agent: AgentClient, open: OpenMachine, hostname: string, signal: AbortSignal): Promise<void> {
  const request = {
    hostname,
    machine_id: randomBytes(16).toString("hex"),
    entropy: randomBytes(ENTROPY_BYTES).toString("base64"),
    wall_time_unix_ms: Date.now(),
    ...open.disks,
  };
  const sent = performance.now();
  await agent.call("setup", request, { deadline_ms: open.call_deadline_ms, signal });
  if (performance.now() - sent > CLOCK_TOLERANCE_MS) await setClock(agent, open, signal);
}
