/** One QEMU process from its start to its end: its console, its monitor, and how it ended. */
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import type { Child, ChildEnd } from "../platform/child.ts";
import type { OpenFile } from "../platform/files.ts";
import { innermostChild } from "../platform/process-facts.ts";
import { BootWatch } from "./boot-watch.ts";
import type { DiskFiles, Machine, MachineEnd } from "./machine.ts";
import { layerNode, type QemuSpec, vmmFile, writableFile } from "./qemu-args.ts";
import { Qmp } from "./qmp.ts";
import { Ring, shownPanic, shownTail, VMM_LOG_BYTES } from "./ring.ts";

/** How long a killed VMM may take to vanish before we stop waiting, in milliseconds. */
const VANISH_MS = 5_000;

const shutdown = z.object({ reason: z.string().regex(/^[a-z-]{1,32}$/) });

/** Why QEMU stops its guest, where this event says so; with `-no-reboot` that is how a reset begins, too. */
export function shutdownCause(event: string, data: unknown): string | undefined {
  return event === "SHUTDOWN" ? shutdown.safeParse(data).data?.reason : undefined;
}

const migrationEnd = z.object({ status: z.enum(["completed", "failed"]) });

/** How QEMU's saving of a state ended, where this event says so. */
function migrationOutcome(event: string, data: unknown): "completed" | "failed" | undefined {
  return event === "MIGRATION" ? migrationEnd.safeParse(data).data?.status : undefined;
}

/** A machine in its QEMU; whoever starts it waits for it to boot, or has it load a template's state. */
export class QemuMachine implements Machine {
  readonly execution_mode: Machine["execution_mode"];
  readonly channel;
  readonly ended: Promise<MachineEnd>;
  readonly #child: Child;
  readonly #monitor: Duplex;
  readonly #qmp: Qmp;
  readonly #watch: BootWatch;
  readonly #launcher: string;
  readonly #disk: DiskFiles | undefined;
  #layer_count: number;
  #killed = false;

  /** `launcher` is the agent's path. */
  constructor(child: Child, { acceleration, files }: QemuSpec, launcher: string) {
    this.#child = child;
    this.#launcher = launcher;
    this.#disk = files.disk;
    this.#layer_count = files.disk?.layers.length ?? 0;
    this.#watch = new BootWatch(child.stdout);
    this.execution_mode = acceleration === "kvm" ? "guest_kvm" : "guest_emulated";
    this.channel = child.stream(vmmFile.channel);
    this.#monitor = child.stream(vmmFile.monitor);
    this.#qmp = new Qmp(this.#monitor);
    const log = new Ring(VMM_LOG_BYTES);
    child.stderr.on("data", (chunk: Buffer) => log.push(chunk));
    const cause = this.#qmp.event(shutdownCause).catch(() => null);
    const closed = new Promise<void>((resolve) => child.stdout.once("close", resolve));
    this.ended = child.ended.then(async (end) => {
      const late = delay(VANISH_MS, undefined, { ref: false });
      await Promise.race([closed, late]);
      return this.#describe(end, (await Promise.race([cause, late])) ?? null, log);
    });
  }

  /** Resolves when the agent of a machine that boots is ready; rejects with `boot_failed` where the agent says so. */
  get booted(): Promise<void> {
    return this.#watch.ready;
  }

  pid(): number {
    return innermostChild(this.#child.pid ?? 0);
  }

  tail(): string {
    return shownTail(this.#watch.ring.text());
  }

  /** Stops the machine for good, and writes all of it but its memory, which is in a file already. */
  async save(state: number): Promise<void> {
    const outcome = this.#qmp.event(migrationOutcome);
    await this.#enable("x-ignore-shared", "events");
    await this.#qmp.giveFile(this.#launcher, state, "getfd", { fdname: "state" });
    await this.#qmp.execute("migrate", { uri: "fd:state" });
    if ((await outcome) === "failed") throw new PyroError("vm_start_failed", "QEMU could not save the machine's state");
  }

  /** Reads the state that `save` wrote; resolves when the machine runs. */
  async load(): Promise<void> {
    await Promise.all([
      this.#enable("x-ignore-shared"),
      this.#qmp.execute("migrate-incoming", { uri: `fd:${vmmFile.state}` }),
      this.#qmp.event((event) => event === "RESUME" || undefined),
    ]);
  }

  async addLayer(layer: OpenFile): Promise<void> {
    if (this.#disk === undefined) throw new PyroError("internal_error", "A machine without a disk can have no layer");
    const below = layerNode(this.#layer_count - 1).name;
    const node = layerNode(this.#layer_count);
    const file = writableFile(node, this.#disk.is_durable);
    await this.#qmp.giveFile(this.#launcher, layer.fd, "add-fd", { "fdset-id": node.fd_set });
    await this.#qmp.execute("blockdev-add", {
      driver: "qcow2",
      "node-name": node.name,
      file,
      backing: null,
      discard: "unmap",
      cache: { "no-flush": !this.#disk.is_durable },
    });
    await this.#qmp.execute("blockdev-snapshot", { node: below, overlay: node.name });
    this.#layer_count += 1;
  }

  #enable(...names: string[]): Promise<unknown> {
    const capabilities = names.map((capability) => ({ capability, state: true }));
    return this.#qmp.execute("migrate-set-capabilities", { capabilities });
  }

  async kill(): Promise<void> {
    this.#killed = true;
    // A cage that is not ready yet looks for us here before its VMM begins.
    this.channel.destroy();
    this.#child.kill();
    await this.ended;
    this.#monitor.destroy();
  }

  #describe(end: ChildEnd, cause: string | null, log: Ring): MachineEnd {
    const panic = shownPanic(this.#watch.ring.text());
    const vmm_tail = shownTail(end.error?.message ?? log.text());
    return { reason: this.#reason(end, panic !== undefined), cause, console_tail: panic ?? this.tail(), vmm_tail };
  }

  #reason(end: ChildEnd, hasPanicked: boolean): MachineEnd["reason"] {
    if (this.#killed) return "killed";
    if (hasPanicked) return "guest_panic";
    return end.exit_code === 0 ? "guest_exit" : "vmm_failed";
  }
}
