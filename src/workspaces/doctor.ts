/** `pyro doctor`: every check is tried for real where that is possible, and each problem comes with its remedy. */
import { toPyroError } from "../contract/errors.ts";
import { environmentNamed } from "../environments/names.ts";
import { type ProcessWalls, wallsOf } from "../platform/process-facts.ts";
import { checkEgress } from "./egress-proof.ts";
import type { GuestSource } from "./guest-source.ts";
import { type Check, hostChecks } from "./host-checks.ts";
import type { WorkContext } from "./machine-source.ts";
import { cold, type Preparation, type Readiness } from "./preparation.ts";
import { MachineSession } from "./session.ts";

type State = Check["state"];

export interface Examination {
  readonly healthy: boolean;
  readonly execution_mode: "guest_kvm" | "guest_emulated" | null;
  readonly capabilities: { readonly vm_boot: State; readonly guest_exec: State; readonly guest_network: State };
  /** The environment that was asked about */
  readonly environment: Readiness | null;
  readonly checks: Check[];
}

interface Trial {
  readonly checks: Check[];
  readonly vm_boot: State;
  readonly guest_exec: State;
  readonly execution_mode: Examination["execution_mode"];
}

/** Time that the guest's one command may take, in milliseconds. */
const EXEC_MS = 30_000;

/** Examines this machine; the order of the checks is the order in which they are printed. */
export class Doctor {
  readonly #guests: GuestSource;
  readonly #preparation: Preparation;

  constructor(guests: GuestSource, preparation: Preparation) {
    this.#guests = guests;
    this.#preparation = preparation;
  }

  async examine(asked: string | undefined, context: WorkContext): Promise<Examination> {
    const environment = asked === undefined ? undefined : environmentNamed(asked).name;
    const needs_pull = await this.#guests.needsPull();
    const local = await hostChecks(this.#guests.paths, needs_pull, context.signal);
    const host = needs_pull && local.every(passed) ? [...local, await this.#archiveCheck(context)] : local;
    const trial = host.every(passed) ? await this.#tryGuest(context) : untried;
    const canRun = trial.vm_boot === "ok" && trial.guest_exec === "ok";
    const network = canRun ? await checkEgress(this.#guests, environment, context) : noNetwork;
    const checks = [...host, ...trial.checks, network];
    return {
      healthy: checks.every(passed),
      execution_mode: trial.execution_mode,
      capabilities: { vm_boot: trial.vm_boot, guest_exec: trial.guest_exec, guest_network: network.state },
      environment: environment === undefined ? null : await this.#readiness(environment, context),
      checks,
    };
  }

  /** A machine that cannot run guests is no place where an environment is warm. */
  async #readiness(environment: string, context: WorkContext): Promise<Readiness> {
    try {
      return await this.#preparation.readiness(environment, context);
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (error.code === "cancelled") throw error;
      return cold(environment, error.message);
    }
  }

  async #archiveCheck(context: WorkContext): Promise<Check> {
    void context.emit({ type: "progress", stage: "archive", message: "Asking the Debian archive" });
    try {
      return check("archive", "ok", `${await this.#guests.askArchive(context.signal)} answers`, null);
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (error.code === "cancelled") throw error;
      return check("archive", "failed", error.message, error.hint);
    }
  }

  /** Tries KVM, boots the cached kernel without an environment, and has the guest run one command. */
  async #tryGuest(context: WorkContext): Promise<Trial> {
    const kernel = this.#guests.kernel();
    if (kernel === undefined) {
      const detail = "no kernel is in the cache yet; the first run or pull fetches it";
      return { ...untried, checks: [check("guest kernel", "not_tried", detail, "pyro env pull debian:12")] };
    }
    const known = check("guest kernel", "ok", `${kernel.release} (${kernel.package_version}), ${kernel.format}`, null);
    void context.emit({ type: "progress", stage: "kvm", message: "Trying KVM with the guest's kernel" });
    const kvm = await this.#kvmCheck(context);
    void context.emit({ type: "progress", stage: "boot", message: "Booting a guest" });
    const booted = await this.#boot(context);
    return { ...booted, checks: [known, kvm, ...booted.checks] };
  }

  async #kvmCheck(context: WorkContext): Promise<Check> {
    const verdict = await this.#guests.tryKvm(context.signal);
    if (verdict.usable) return check("KVM", "ok", verdict.reason, null);
    return check(
      "KVM",
      "warning",
      `not usable: ${verdict.reason}; guests are fully emulated, which is slower`,
      kvmRemedy(verdict.reason),
    );
  }

  async #boot(context: WorkContext): Promise<Trial> {
    const started = performance.now();
    let session: MachineSession | undefined;
    try {
      const open = await this.#guests.openBare(context);
      session = await MachineSession.begin(open, "pyro-doctor", context.signal);
      const booted = check("vm boot", "ok", `${session.execution_mode} in ${seconds(started)}`, null);
      const cage = cageCheck(wallsOf(open.machine.pid()));
      const executed = await execCheck(session, context.signal);
      const execution_mode = session.execution_mode === "guest_kvm" ? "guest_kvm" : "guest_emulated";
      return { checks: [booted, cage, executed], vm_boot: "ok", guest_exec: executed.state, execution_mode };
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (error.code === "cancelled") throw error;
      const failed = check(session === undefined ? "vm boot" : "guest exec", "failed", error.message, error.hint);
      return {
        checks: [failed],
        vm_boot: session === undefined ? "failed" : "ok",
        guest_exec: "failed",
        execution_mode: null,
      };
    } finally {
      await session?.close();
    }
  }
}

const noNetwork = check("guest network", "not_tried", "no guest ran a command", "Mend what is above first");
const untried: Trial = { checks: [], vm_boot: "not_tried", guest_exec: "not_tried", execution_mode: null };

async function execCheck(session: MachineSession, signal: AbortSignal): Promise<Check> {
  const started = performance.now();
  const ended = await session.exec({
    argv: ["/init", "--version"],
    timeout_ms: EXEC_MS,
    stdin: undefined,
    signal,
    onOutput: () => {},
  });
  if (ended.exit_code === 0) return check("guest exec", "ok", `a command ran in ${seconds(started)}`, null);
  return check(
    "guest exec",
    "failed",
    `a command ended with ${ended.exit_code ?? `signal ${ended.signal}`}`,
    "PYRO_DEBUG=1 pyro doctor",
  );
}

function cageCheck(walls: ProcessWalls): Check {
  const up = [
    `namespaces ${walls.namespaces.join(" ")}`,
    ...(walls.seccomp_filter ? ["seccomp filter"] : []),
    ...(walls.no_new_privileges ? ["no new privileges"] : []),
    ...(walls.no_capabilities ? ["no capabilities"] : []),
  ];
  const whole = up.length === 4 && ["mnt", "net", "pid", "user"].every((name) => walls.namespaces.includes(name));
  return check(
    "cage",
    whole ? "ok" : "failed",
    up.join(", "),
    whole ? null : "Allow unprivileged user namespaces for bubblewrap",
  );
}

function kvmRemedy(reason: string): string | null {
  if (/no \/dev\/kvm/.test(reason))
    return "Enable virtualization in the firmware or on the outer host, then load the kvm module";
  if (/may not be opened/.test(reason)) return "sudo usermod -aG kvm $USER, then log in again";
  return "Nothing has to be done: pyro works without KVM";
}

function passed(check: Check): boolean {
  return check.state !== "failed";
}

function check(name: string, state: State, detail: string, remedy: string | null): Check {
  return { name, state, detail, remedy };
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}
