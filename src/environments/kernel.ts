/** The guest kernel in the cache: built from Debian's package, found again, and opened only when whole. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import {
  atomicWrite,
  linkNameless,
  listDirectory,
  makePrivateDirectory,
  namelessFile,
  type OpenFile,
  readJson,
  remove,
} from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";
import { type FetchOptions, fetchKernelPackage, type KernelPackage } from "./kernel-package.ts";
import { loadOrder } from "./modules.ts";
import { openVerified, rememberPublished } from "./verify.ts";
import { bootableKernel } from "./vmlinux.ts";

/** Modules that every guest loads at boot. */
const bootModules = ["virtio_mmio", "virtio_blk", "virtio_console", "virtio_rng", "overlay", "squashfs"] as const;

/** Modules that the agent loads on demand. */
const optionalModules = ["tun", "vsock", "vmw_vsock_virtio_transport"] as const;

const hexDigest = z.string().regex(/^[0-9a-f]{64}$/);
const cachedFile = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/),
  sha256: hexDigest,
  size_bytes: z.int().min(0),
});

const manifest = z.strictObject({
  schema_version: z.literal(1),
  release: z.string(),
  package: z.string(),
  package_version: z.string(),
  mirror: z.string(),
  format: z.enum(["elf", "bzimage"]),
  /** Why the kernel is booted as a bzImage. */
  format_reason: z.string().nullable(),
  kernel: cachedFile,
  /** In load order: what every guest loads, then what it loads on demand. */
  boot_modules: z.array(cachedFile),
  optional_modules: z.array(cachedFile),
  created_at: z.string(),
  pyro_version: z.string(),
});

type Manifest = z.infer<typeof manifest>;
type CachedFile = z.infer<typeof cachedFile>;

/** A kernel in the cache. */
export interface InstalledKernel {
  readonly release: string;
  readonly package_version: string;
  /** `sha256:` and the hash of all its files. */
  readonly digest: string;
  readonly format: "elf" | "bzimage";
  readonly vmlinux_path: string;
  readonly size_bytes: number;
  readonly boot_modules: readonly string[];
  readonly optional_modules: readonly string[];
  readonly created_at: string;
  /** Hashes that its files must have. */
  readonly hashes: readonly string[];
  /** Whether all its files are whole. */
  isWhole(signal?: AbortSignal): Promise<boolean>;
  /** Opens the kernel image; undefined when it is not whole. */
  openVmlinux(signal?: AbortSignal): Promise<OpenFile | undefined>;
  /** Reads a module by file name; undefined when it is not whole. */
  readModule(file: string): Promise<Buffer | undefined>;
}

/** Fetches the kernel and publishes it; the record is written last, and without it the directory does not count. */
export async function buildKernel(
  paths: StatePaths,
  options: FetchOptions & { readonly pyro_version: string },
): Promise<InstalledKernel> {
  const content = await fetchKernelPackage(paths, options);
  void options.emit({ type: "progress", stage: "unpacking", message: `Unpacking kernel ${content.release}` });
  const kernel = bootableKernel(content.bz_image);
  const boot = loadOrder(bootModules, content.modules, content.built_in);
  const all = loadOrder([...bootModules, ...optionalModules], content.modules, content.built_in);
  const optional = all.filter((module) => !boot.includes(module));
  const image = describe(kernel.format === "elf" ? "vmlinux" : "vmlinuz", kernel.content);
  const bootFiles = boot.map((module) => describe(module.file, module.content));
  const optionalFiles = optional.map((module) => describe(module.file, module.content));
  const record = recordOf(content, options.pyro_version, {
    format: kernel.format,
    format_reason: kernel.format === "elf" ? null : kernel.reason,
    kernel: image,
    boot_modules: bootFiles,
    optional_modules: optionalFiles,
  });
  const digest = digestOf(record);
  const contents = new Map([[image.name, kernel.content], ...all.map((one) => [one.file, one.content] as const)]);
  const known = readKernel(paths, digest);
  if (known !== undefined && (await known.isWhole(options.signal))) writeRecord(paths, digest, record);
  else await publish(paths, digest, record, contents);
  return installed(paths, digest, record);
}

function describe(name: string, content: Buffer): CachedFile {
  return { name, sha256: createHash("sha256").update(content).digest("hex"), size_bytes: content.length };
}

type Files = Pick<Manifest, "format" | "format_reason" | "kernel" | "boot_modules" | "optional_modules">;

function recordOf(content: KernelPackage, pyro_version: string, files: Files): Manifest {
  const { release, package_version, mirror } = content;
  return {
    schema_version: 1,
    ...{ release, package: content.package, package_version, mirror },
    ...files,
    created_at: new Date().toISOString(),
    pyro_version,
  };
}

/** Hash of the names and hashes of all files, so that equal content has one place. */
function digestOf(record: Manifest): string {
  const files = [record.kernel, ...record.boot_modules, null, ...record.optional_modules];
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

async function publish(
  paths: StatePaths,
  digest: string,
  record: Manifest,
  contents: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const directory = paths.kernel(digest);
  remove(directory);
  try {
    makePrivateDirectory(directory, paths.uid);
    for (const { name, sha256 } of [record.kernel, ...record.boot_modules, ...record.optional_modules]) {
      const file = namelessFile(directory);
      try {
        file.write(contents.get(name) ?? Buffer.alloc(0));
        file.chmod(0o400);
        await linkNameless(file, join(directory, name));
      } finally {
        file.close();
      }
      rememberPublished(join(directory, name), sha256, paths);
    }
    writeRecord(paths, digest, record);
  } catch (thrown) {
    remove(directory);
    throw thrown;
  }
}

function writeRecord(paths: StatePaths, digest: string, record: Manifest): void {
  atomicWrite(paths.kernelRecord(digest), `${JSON.stringify(record, null, 2)}\n`);
}

/** The newest kernel in the cache whose record is whole, or undefined. */
export function currentKernel(paths: StatePaths): InstalledKernel | undefined {
  const kernels = listDirectory(paths.kernels).flatMap((digest) => readKernel(paths, digest) ?? []);
  return kernels.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
}

/** The kernel in that directory; undefined where its record is absent or damaged. */
export function readKernel(paths: StatePaths, digest: string): InstalledKernel | undefined {
  if (!hexDigest.safeParse(digest).success) return undefined;
  const record = readJson(paths.kernelRecord(digest), manifest);
  if (record.state !== "whole" || digestOf(record.value) !== digest) return undefined;
  return installed(paths, digest, record.value);
}

function installed(paths: StatePaths, digest: string, record: Manifest): InstalledKernel {
  const directory = paths.kernel(digest);
  const modules = [...record.boot_modules, ...record.optional_modules];
  const open = async (file: CachedFile, signal?: AbortSignal): Promise<OpenFile | undefined> => {
    const verified = await openVerified(join(directory, file.name), file.sha256, paths, signal);
    return verified.state === "whole" ? verified.file : undefined;
  };
  return {
    release: record.release,
    package_version: record.package_version,
    digest: `sha256:${digest}`,
    format: record.format,
    vmlinux_path: join(directory, record.kernel.name),
    size_bytes: [record.kernel, ...modules].reduce((sum, file) => sum + file.size_bytes, 0),
    boot_modules: record.boot_modules.map((file) => file.name),
    optional_modules: record.optional_modules.map((file) => file.name),
    created_at: record.created_at,
    hashes: [record.kernel, ...modules].map((file) => file.sha256),
    isWhole: async (signal) => {
      for (const file of [record.kernel, ...modules]) {
        const opened = await open(file, signal);
        if (opened === undefined) return false;
        opened.close();
      }
      return true;
    },
    openVmlinux: (signal) => open(record.kernel, signal),
    readModule: async (name) => {
      const known = modules.find((file) => file.name === name);
      if (known === undefined) throw new PyroError("internal_error", `the kernel has no module file "${name}"`);
      const file = await open(known);
      try {
        return file?.readAll();
      } finally {
        file?.close();
      }
    },
  };
}
