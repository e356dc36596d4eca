/** Kernel modules: what each depends on, and the order in which a set of them loads. */
import { PyroError } from "../contract/errors.ts";

const SHT_NAME_BYTES = 4;

/** A module as found in the kernel package. */
export interface KernelModule {
  /** Name with underscores, as the kernel reports it. */
  readonly name: string;
  /** File name, such as `virtio-rng.ko`. */
  readonly file: string;
  readonly content: Buffer;
}

/** The kernel's own spelling of a module's name. */
export function moduleName(file: string): string {
  return file.replace(/\.ko$/, "").replaceAll("-", "_");
}

/** These modules with all they depend on, each after its dependencies; built-in ones are left out. */
export function loadOrder(
  wanted: readonly string[],
  found: ReadonlyMap<string, KernelModule>,
  builtIn: ReadonlySet<string>,
): KernelModule[] {
  const order = new Map<string, KernelModule>();
  const visit = (name: string, neededBy: string): void => {
    if (order.has(name) || builtIn.has(name)) return;
    const module = found.get(name);
    if (module === undefined)
      throw new PyroError("environment_build_failed", `the kernel has no module "${name}", needed by ${neededBy}`);
    for (const dependency of dependenciesOf(module)) visit(dependency, name);
    order.set(name, module);
  };
  for (const name of wanted) visit(moduleName(name), "pyro");
  return [...order.values()];
}

/** Names in the `depends=` line of a module's `.modinfo` section. */
export function dependenciesOf(module: KernelModule): string[] {
  const section = elfSection(module.content, ".modinfo");
  if (section === undefined)
    throw new PyroError("environment_build_failed", `the kernel module "${module.file}" has no .modinfo section`);
  const line = section
    .toString("latin1")
    .split("\0")
    .find((entry) => entry.startsWith("depends="));
  const names = line?.slice("depends=".length) ?? "";
  return names
    .split(",")
    .filter((name) => name !== "")
    .map(moduleName);
}

/** Content of a named section of a 64-bit little-endian ELF file. */
export function elfSection(elf: Buffer, wanted: string): Buffer | undefined {
  if (elf.length < 64 || elf.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const table = Number(elf.readBigUInt64LE(0x28));
  const entryBytes = elf.readUInt16LE(0x3a);
  const count = elf.readUInt16LE(0x3c);
  const namesIndex = elf.readUInt16LE(0x3e);
  const bounds = (index: number): { start: number; end: number; name: number } => {
    const at = table + index * entryBytes;
    const start = Number(elf.readBigUInt64LE(at + 0x18));
    return { start, end: start + Number(elf.readBigUInt64LE(at + 0x20)), name: elf.readUInt32LE(at) };
  };
  if (table + count * entryBytes > elf.length || entryBytes < SHT_NAME_BYTES || namesIndex >= count) return undefined;
  const names = bounds(namesIndex).start;
  for (let index = 0; index < count; index += 1) {
    const section = bounds(index);
    const at = names + section.name;
    if (elf.toString("latin1", at, at + wanted.length + 1) === `${wanted}\0`)
      return elf.subarray(section.start, section.end);
  }
  return undefined;
}
