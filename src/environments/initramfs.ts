/** The guest's first file system: the agent as /init and the kernel modules it loads. */
import { createHash } from "node:crypto";
import { PyroError } from "../contract/errors.ts";
import { namelessFile, type OpenFile, openReadOnly } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import type { StatePaths } from "../store/paths.ts";
import { type CpioEntry, cpioArchive } from "./cpio.ts";
import type { InstalledKernel } from "./kernel.ts";
import { openSealed, publishSealed } from "./sealed.ts";

/** Changes whenever the layout below does, so that an initramfs of another layout is not found. */
const LAYOUT = 1;

const directories = ["proc", "sys", "dev", "lower", "rw", "newroot", "modules"] as const;

/** Opens the initramfs of this kernel and agent, building it where the cache has no whole one. */
export async function openInitramfs(kernel: InstalledKernel, agentPath: string, paths: StatePaths): Promise<OpenFile> {
  const agent = readAgent(agentPath);
  const path = paths.initramfs(initramfsKey(kernel.digest, createHash("sha256").update(agent).digest("hex")));
  const cached = await openSealed(path, paths);
  if (cached !== undefined) return cached;
  paths.prepareCache();
  return withLock(paths.initramfsLock, {}, async () => {
    const other = await openSealed(path, paths);
    return other ?? publish(path, cpioArchive(await entriesOf(kernel, agent)), paths);
  });
}

/** Name of the cached initramfs of a kernel and an agent. */
export function initramfsKey(kernelDigest: string, agentSha256: string): string {
  return createHash("sha256").update(`${LAYOUT}\n${kernelDigest}\n${agentSha256}\n`).digest("hex");
}

function readAgent(path: string): Buffer {
  const file = openReadOnly(path);
  if (file === undefined) throw new PyroError("agent_missing", `there is no guest agent at "${path}"`);
  try {
    return file.readAll();
  } finally {
    file.close();
  }
}

async function publish(path: string, archive: Buffer, paths: StatePaths): Promise<OpenFile> {
  const file = namelessFile(paths.initramfsDirectory);
  try {
    file.write(archive);
    return await publishSealed(file, path, paths);
  } finally {
    file.close();
  }
}

async function entriesOf(kernel: InstalledKernel, agent: Buffer): Promise<CpioEntry[]> {
  const modules: CpioEntry[] = [];
  for (const name of [...kernel.boot_modules, ...kernel.optional_modules]) {
    const content = await kernel.readModule(name);
    if (content === undefined)
      throw new PyroError("environment_damaged", `the guest kernel's module "${name}" is not whole`);
    modules.push({ kind: "file", path: `modules/${name}`, mode: 0o644, content });
  }
  return [
    ...directories.map((path): CpioEntry => ({ kind: "directory", path, mode: 0o755 })),
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, content: agent },
    { kind: "file", path: "modules/load-order", mode: 0o644, content: lines(kernel.boot_modules) },
    { kind: "file", path: "modules/optional-order", mode: 0o644, content: lines(kernel.optional_modules) },
    ...modules,
  ];
}

function lines(names: readonly string[]): Buffer {
  return Buffer.from(names.map((name) => `${name}\n`).join(""));
}
