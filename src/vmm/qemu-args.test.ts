/** The command line of QEMU: the shortest device list, formats named, everything sandboxed. */
import { describe, expect, it } from "vitest";
import { type QemuSpec, qemuArgs } from "./qemu-args.ts";

const spec: QemuSpec = {
  files: { kernel: 11, initramfs: 12, root: 13, disk: { layers: [14], is_durable: false } },
  vcpu_count: 2,
  mem_mib: 768,
  acceleration: "kvm",
  tsc_khz: 2_400_000,
  beginning: { kind: "boot" },
  vmm_version: { major: 7, minor: 2 },
};

/** Values of an option, in their order. */
function values(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, at) => (arg === option ? [args[at + 1] ?? ""] : []));
}

/** A device without the name of what lies behind it, which is free to differ. */
const withoutDrive = (device: string) => device.replace(/drive=[\w-]+/, "");

const devices = (args: readonly string[]) => values(args, "-device").map((device) => device.split(",")[0]);

describe("qemuArgs", () => {
  it("has exactly these devices", () => {
    expect(devices(qemuArgs(spec))).toEqual([
      "virtio-serial-device",
      "virtserialport",
      "virtio-rng-device",
      "virtio-blk-device",
      "virtio-blk-device",
    ]);
    const bare = { ...spec, files: { ...spec.files, root: undefined, disk: undefined } };
    expect(devices(qemuArgs(bare))).toEqual(["virtio-serial-device", "virtserialport", "virtio-rng-device"]);
    expect(values(qemuArgs(bare), "-blockdev")).toEqual([]);
  });

  it.each(["kvm", "tcg"] as const)(
    "has no network, no default device, and no monitor but its own descriptor under %s",
    (acceleration) => {
      const args = qemuArgs({ ...spec, acceleration });
      expect(args).toEqual(expect.arrayContaining(["-nodefaults", "-no-user-config", "-no-reboot"]));
      expect(args.join(" ")).not.toMatch(
        /-net\b|-netdev|-nic\b|virtio-net|slirp|-monitor|-qmp|-gdb|-s\b|-vnc|-usb|-virtfs|vhost|hostfwd/,
      );
      expect(values(args, "-mon")).toEqual(["chardev=monitor,mode=control"]);
      expect(values(args, "-chardev")).toContain("socket,id=monitor,fd=4");
      expect(values(args, "-display")).toEqual(["none"]);
    },
  );

  it("turns every part of the sandbox on", () => {
    expect(values(qemuArgs(spec), "-sandbox")).toEqual([
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]);
  });

  it("names the format of every disk, and writes to none but the last layer of the workspace's", () => {
    const files = { ...spec.files, disk: { layers: [14, 15, 16], is_durable: true } };
    const blockdevs = values(qemuArgs({ ...spec, files }), "-blockdev").map((text) => JSON.parse(text));
    expect(blockdevs.map(({ driver, file }) => [driver, file.driver])).toEqual([
      ["raw", "file"],
      ["qcow2", "file"],
      ["qcow2", "file"],
      ["qcow2", "file"],
    ]);
    expect(blockdevs.map((node) => node["read-only"])).toEqual([true, true, true, false]);
    expect(blockdevs.map(({ file }) => file["read-only"])).toEqual([true, true, true, undefined]);
    expect(blockdevs.map(({ backing }) => backing)).toEqual([undefined, undefined, "disk-0", "disk-1"]);
    expect(values(qemuArgs({ ...spec, files }), "-device").at(-1)).toContain("drive=disk-2");
    expect(qemuArgs(spec).join(" ")).not.toMatch(/format=|-drive|-hda|-snapshot/);
  });

  it.each([true, false])("passes flushes on to the host where a disk is durable: %s", (is_durable) => {
    const files = { ...spec.files, disk: { layers: [14, 15], is_durable } };
    const top = JSON.parse(values(qemuArgs({ ...spec, files }), "-blockdev").at(-1) ?? "");
    expect([top.cache, top.file.cache]).toEqual([{ "no-flush": !is_durable }, { "no-flush": !is_durable }]);
  });

  it("reaches its files by descriptor alone, never by a path that something could swap", () => {
    const args = qemuArgs(spec);
    expect(values(args, "-kernel")).toEqual(["/proc/self/fd/5"]);
    expect(values(args, "-initrd")).toEqual(["/proc/self/fd/6"]);
    expect(values(args, "-add-fd")).toEqual(["fd=7,set=1", "fd=10,set=2"]);
    expect(values(args, "-chardev")).toContain("socket,id=agent,fd=3");
    const paths = args.join(" ").match(/\/[a-z]+\/[\w/]*/g) ?? [];
    expect(paths.filter((path) => !/^\/(proc\/self\/fd\/\d|dev\/fdset\/\d|dev\/urandom)$/.test(path))).toEqual([]);
  });

  it("keeps a recorded machine's memory in its file, and gives it a placeholder for a disk", () => {
    const args = qemuArgs({ ...spec, beginning: { kind: "record", memory: 15, disk_bytes: 17_179_869_184 } });
    expect(values(args, "-object")[0]).toBe(
      "memory-backend-file,id=memory,size=768M,mem-path=/proc/self/fd/8,share=on",
    );
    expect(values(args, "-M").join()).toMatch(/,memory-backend=memory$/);
    expect(JSON.parse(values(args, "-blockdev").at(-1) ?? "")).toMatchObject({
      driver: "null-co",
      size: 17_179_869_184,
    });
    expect(values(args, "-incoming")).toEqual([]);
  });

  it.each([
    [{ major: 7, minor: 2 }, ",share=off"],
    [{ major: 8, minor: 2 }, ",share=off,readonly=on,rom=off"],
  ])("maps a template's memory copy-on-write, for reading alone where QEMU %j can", (vmm_version, options) => {
    const args = qemuArgs({ ...spec, vmm_version, beginning: { kind: "restore", memory: 15, state: 16 } });
    expect(values(args, "-object")[0]).toBe(
      `memory-backend-file,id=memory,size=768M,mem-path=/proc/self/fd/8${options}`,
    );
    expect(values(args, "-incoming")).toEqual(["defer"]);
  });

  it("gives a restored machine the devices of the recorded one", () => {
    const recorded = qemuArgs({ ...spec, beginning: { kind: "record", memory: 15, disk_bytes: 1 } });
    const restored = qemuArgs({
      ...spec,
      beginning: { kind: "restore", memory: 15, state: 16 },
    });
    for (const option of ["-device", "-M", "-cpu", "-accel", "-smp", "-m", "-append"])
      expect(values(restored, option).map(withoutDrive)).toEqual(values(recorded, option).map(withoutDrive));
  });

  it("passes on the shape", () => {
    expect(values(qemuArgs(spec), "-smp")).toEqual(["2"]);
    expect(values(qemuArgs(spec), "-m")).toEqual(["768"]);
  });

  it("says how the guest's CPU runs, and gives the TSC's frequency only where it is emulated", () => {
    const kvm = qemuArgs(spec);
    const tcg = qemuArgs({ ...spec, acceleration: "tcg" });
    expect([values(kvm, "-accel"), values(kvm, "-cpu")]).toEqual([["kvm"], ["host"]]);
    expect([values(tcg, "-accel"), values(tcg, "-cpu")]).toEqual([
      ["tcg,thread=multi"],
      ["max,la57=off,smap=off,erms=off"],
    ]);
    expect(values(kvm, "-append").join()).not.toContain("tsc_early_khz");
    expect(values(tcg, "-append").join()).toContain("tsc_early_khz=2400000");
  });

  it("tells the guest of its root only where there is one", () => {
    expect(values(qemuArgs(spec), "-append").join()).toContain("pyro.root=root");
    expect(values(qemuArgs({ ...spec, files: { ...spec.files, root: undefined } }), "-append").join()).not.toContain(
      "pyro.root",
    );
  });

  it("ends the VM when the guest's kernel panics", () => {
    expect(values(qemuArgs(spec), "-append").join()).toMatch(/\bpanic=-1\b/);
    expect(values(qemuArgs(spec), "-append").join()).toMatch(/\breboot=t\b/);
  });
});
