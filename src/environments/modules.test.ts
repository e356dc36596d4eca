/** Dependencies and load order of kernel modules. */
import { describe, expect, it } from "vitest";
import { dependenciesOf, type KernelModule, loadOrder } from "./modules.ts";

/** A minimal ELF file whose .modinfo names the dependencies. */
function module(file: string, depends: string): KernelModule {
  const info = Buffer.from(`license=GPL\0depends=${depends}\0vermagic=6.1\0`);
  const names = Buffer.from("\0.modinfo\0.shstrtab\0");
  const header = Buffer.alloc(64);
  header.write("\x7fELF", 0, "latin1");
  header.writeBigUInt64LE(BigInt(64 + info.length + names.length), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(3, 0x3c);
  header.writeUInt16LE(2, 0x3e);
  const section = (name: number, start: number, size: number) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(name, 0);
    entry.writeBigUInt64LE(BigInt(start), 0x18);
    entry.writeBigUInt64LE(BigInt(size), 0x20);
    return entry;
  };
  const table = [section(0, 0, 0), section(1, 64, info.length), section(10, 64 + info.length, names.length)];
  const content = Buffer.concat([header, info, names, ...table]);
  return { name: file.replace(".ko", "").replaceAll("-", "_"), file, content };
}

const found = new Map(
  [
    module("virtio.ko", ""),
    module("virtio_ring.ko", ""),
    module("virtio-rng.ko", "virtio,virtio_ring"),
    module("a-b.ko", "virtio-rng,builtin"),
  ].map((one) => [one.name, one]),
);

describe("kernel modules", () => {
  it("name what they depend on", () => {
    expect(dependenciesOf(module("x.ko", ""))).toEqual([]);
    expect(dependenciesOf(module("x.ko", "a,b-c"))).toEqual(["a", "b_c"]);
  });

  it("load after what they depend on, each once, without the built-in ones", () => {
    const order = loadOrder(["a_b", "virtio-rng", "builtin"], found, new Set(["builtin"]));
    expect(order.map((one) => one.file)).toEqual(["virtio.ko", "virtio_ring.ko", "virtio-rng.ko", "a-b.ko"]);
  });

  it("that are missing or no ELF files are a typed error", () => {
    expect(() => loadOrder(["nothing"], found, new Set())).toThrow(/no module "nothing"/);
    expect(() => dependenciesOf({ name: "x", file: "x.ko", content: Buffer.alloc(100) })).toThrow(/no .modinfo/);
  });
});
