/** Cages on the host's own kernel, for callers that permit it with `--allow-host-compat`. */
import type { Environments } from "../environments/environments.ts";
import type { EnvironmentImage } from "../environments/records.ts";
import { findProgram } from "../platform/programs.ts";
import { guestAgent } from "../vmm/guest-agent.ts";
import { startHostCage } from "../vmm/host-cage.ts";
import type { MachineRequest, MachineSource, OpenMachine, WorkContext } from "./machine-source.ts";

/** Unpacking the environment comes before the agent's first answer. */
const CALL_DEADLINE_MS = 60_000;

export class HostCageSource implements MachineSource {
  readonly #environments: Environments;

  constructor(environments: Environments) {
    this.#environments = environments;
  }

  async image(environment: string, context: WorkContext): Promise<EnvironmentImage> {
    const { name, digest, env } = await this.#environments.ensure(environment, context);
    return { name, digest, env };
  }

  async open(request: MachineRequest, context: WorkContext): Promise<OpenMachine> {
    const programs = { bwrap: findProgram("bwrap"), unsquashfs: findProgram("unsquashfs") };
    const agent = guestAgent();
    const environment = request.image ?? (await this.image(request.environment, context));
    const image = await this.#environments.openImage(environment, context.signal);
    try {
      return {
        machine: startHostCage({ programs, agent: agent.path, image: image.fd }),
        agent_build: agent.build,
        disks: { root: null, disk: null },
        env: environment.env,
        cwd: "/workspace",
        call_deadline_ms: CALL_DEADLINE_MS,
      };
    } finally {
      image.close();
    }
  }
}
