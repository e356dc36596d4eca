/** Preparing an environment ahead of its use: what is there, what a start would cost, and what is no longer needed. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { ExecutionMode } from "../contract/fields.ts";
import type { EnvironmentDetails, Environments } from "../environments/environments.ts";
import type { PruneResult } from "../environments/prune.ts";
import type { Template } from "../vmm/template-store.ts";
import { proveEgress } from "./egress-proof.ts";
import type { WholeGuestParts } from "./guest-parts.ts";
import type { GuestSource } from "./guest-source.ts";
import type { MachineRequest, WorkContext } from "./machine-source.ts";
import { MachineSession, newVmId } from "./session.ts";
import type { TemplateState } from "./templates.ts";

/** Shape of a machine whose caller asks for no other. */
const SHAPE = { vcpu_count: 1, mem_mib: 1024 } as const;
/** Time that the proof's command may take, in milliseconds. */
const PROOF_MS = 30_000;

/** What starting a machine of an environment would be. */
export interface Readiness {
  readonly name: string;
  readonly state: "warm" | "cold" | "stale";
  readonly reason: string | null;
  readonly prepared_at: string | null;
  readonly template_size_bytes: number | null;
  readonly start_ms: number | null;
}

export interface Prepared extends Readiness {
  readonly changed: boolean;
  readonly execution_mode: ExecutionMode;
}

/** A template as `env inspect` lists it. */
export interface TemplateSummary {
  readonly vcpu_count: number;
  readonly mem_mib: number;
  readonly execution_mode: ExecutionMode;
  readonly size_bytes: number;
  readonly created_at: string;
  readonly state: "warm" | "stale";
  readonly reason: string | null;
}

/** Makes, uses, resets and deletes a workspace of an environment; throws what failed. */
export type ProveWorkspace = (environment: string, context: WorkContext) => Promise<void>;

/** Prepares environments for one user, and knows what is prepared. */
export class Preparation {
  readonly #environments: Environments;
  readonly #guests: GuestSource;
  readonly #proveWorkspace: ProveWorkspace;

  constructor(environments: Environments, guests: GuestSource, proveWorkspace: ProveWorkspace) {
    this.#environments = environments;
    this.#guests = guests;
    this.#proveWorkspace = proveWorkspace;
  }

  /** Pulls, makes the template, restores a machine from it that runs a command, and proves a workspace; answers at once where all of that was done. */
  async prepare(
    input: { readonly environment: string; readonly network: boolean; readonly force: boolean },
    context: WorkContext,
  ): Promise<Prepared> {
    const { force, network } = input;
    const pulled = await this.#environments.pull(input.environment, { force, ...context });
    const environment = pulled.name;
    const request = { environment, ...SHAPE };
    const parts = await this.#guests.parts(request, context);
    const found = await this.#guests.templates.ensure(parts, context, force);
    found.open.close();
    const { proof } = found.open.template;
    const isProved = proof !== null && (proof.network || !network);
    if (!isProved) await this.#prove(request, parts, network, context);
    const state = this.#guests.templates.stateOf(parts);
    if (state.state !== "warm" || state.template.proof === null)
      throw new PyroError("template_unusable", `No machine of "${environment}" can be restored from its template`);
    return { ...readiness(environment, state), changed: pulled.changed || !isProved, execution_mode: modeOf(parts) };
  }

  /** What a start would be; fetches and makes nothing. */
  async readiness(environment: string, context: WorkContext): Promise<Readiness> {
    const isThere = this.#environments.installed(environment) !== undefined;
    if (!isThere || this.#guests.kernel() === undefined) return cold(environment, "it has not been pulled");
    const parts = await this.#guests.parts({ environment, ...SHAPE }, context);
    return readiness(environment, this.#guests.templates.stateOf(parts));
  }

  /** Everything known of an environment, and its templates. */
  async inspect(environment: string): Promise<EnvironmentDetails & { readonly templates: readonly TemplateSummary[] }> {
    const details = await this.#environments.inspect(environment);
    const templates = this.#guests.templates.all().filter(({ origin }) => origin.environment === details.name);
    return { ...details, templates: await Promise.all(templates.map((template) => this.#summary(template))) };
  }

  /** Removes from the cache what nothing needs, stale templates included. */
  async prune(context: WorkContext): Promise<PruneResult> {
    const first = await this.#environments.prune(context);
    const isWanted = async (template: Template) => (await this.#guests.changesSince(template)).length === 0;
    const templates = await this.#guests.templates.prune(isWanted);
    if (templates === undefined) {
      await context.emit({ type: "warning", message: "A template is being made, so that no template was removed" });
      return first;
    }
    const freed = templates.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    return { removed: [...first.removed, ...templates], freed_bytes: first.freed_bytes + freed };
  }

  async #prove(request: MachineRequest, parts: WholeGuestParts, network: boolean, context: WorkContext): Promise<void> {
    await context.emit({
      type: "progress",
      stage: "proof",
      message: `Starting ${request.environment} from its template`,
    });
    const began = performance.now();
    const open = await this.#guests.open(request, context);
    const session = await MachineSession.begin(open, newVmId(), context.signal);
    try {
      await proveExec(session, request.environment, context.signal);
    } finally {
      await session.close();
    }
    const start_ms = Math.round(performance.now() - began);
    await this.#proveWorkspace(request.environment, context);
    if (network) await proveEgress(this.#guests, request, context);
    this.#guests.templates.noteProof(parts, start_ms, network);
  }

  async #summary(template: Template): Promise<TemplateSummary> {
    const { origin, size_bytes, created_at } = template;
    const reasons = await this.#guests.changesSince(template);
    return {
      vcpu_count: origin.vcpu_count,
      mem_mib: origin.mem_mib,
      execution_mode: modeOf(origin),
      size_bytes,
      created_at,
      state: reasons.length === 0 ? "warm" : "stale",
      reason: reasons.length === 0 ? null : reasons.join(", "),
    };
  }
}

/** An image without the program has its agent say so, which proves as much of the machine. */
async function proveExec(session: MachineSession, environment: string, signal: AbortSignal): Promise<void> {
  const command = { argv: ["true"], timeout_ms: PROOF_MS, stdin: undefined, signal, onOutput: () => undefined };
  const status = await session.exec(command).then(
    ({ exit_code }) => exit_code,
    (thrown: unknown) => {
      if (toPyroError(thrown).code === "command_not_found") return 0;
      throw thrown;
    },
  );
  if (status !== 0) throw new PyroError("template_unusable", `"true" in a machine of "${environment}" did not succeed`);
}

function modeOf({ acceleration }: Pick<WholeGuestParts, "acceleration">): ExecutionMode {
  return acceleration === "kvm" ? "guest_kvm" : "guest_emulated";
}

function readiness(name: string, state: TemplateState): Readiness {
  if (state.state === "cold") return cold(name, "it has not been prepared");
  const { proof, size_bytes } = state.template;
  return {
    name,
    state: state.state,
    reason: state.state === "stale" ? state.reason : null,
    prepared_at: proof?.at ?? null,
    template_size_bytes: size_bytes,
    start_ms: proof?.start_ms ?? null,
  };
}

/** The readiness of an environment that has no template. */
export function cold(name: string, reason: string): Readiness {
  return { name, state: "cold", reason, prepared_at: null, template_size_bytes: null, start_ms: null };
}
