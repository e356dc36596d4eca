/** The disk of a stopped workspace: copied out as an image, or looked at by a machine of its own that runs nothing from it. */
import { dirname } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { inside, pathInWorkspace, shownInWorkspace, WORKSPACE } from "../contract/workspace-paths.ts";
import { ioErrorFromText, linkNameless, namelessFile, type OpenFile } from "../platform/files.ts";
import { allocatedOf } from "../platform/named-files.ts";
import { findProgram, runProgram } from "../platform/programs.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { cageArgs } from "../vmm/cage.ts";
import { DiskLayers } from "./disk-layers.ts";
import { DISK_BYTES } from "./guest-parts.ts";
import type { GuestTree } from "./guest-tree.ts";
import { type FileContent, type ReadInput, readFrom } from "./live/files.ts";
import { type FileListing, type ListInput, listTree } from "./live/listing.ts";
import type { WorkspaceHost } from "./live/live-workspace.ts";
import type { WorkContext } from "./machine-source.ts";
import { KeptSecrets } from "./secrets/kept-secrets.ts";
import { redactedError } from "./secrets/redacted-error.ts";
import type { Redactor } from "./secrets/redactor.ts";
import { MachineSession } from "./session.ts";

/** Longest time that a copy may take, in milliseconds. */
const COPY_MS = 15 * 60_000;
/** Number of the first descriptor that a program is given. */
const FIRST_FD = 3;

export interface ExportedDisk {
  readonly output: string;
  /** Length of the image; most of it is holes */
  readonly size_bytes: number;
  /** What it occupies on the host's disk */
  readonly allocated_bytes: number;
}

/** Writes the disk as a raw ext4 image to a host path that must be free. */
export async function exportDisk(
  host: WorkspaceHost,
  record: WorkspaceRecord,
  output: string,
  { signal, emit }: WorkContext,
): Promise<ExportedDisk> {
  const layers = layersOf(host, record);
  await emit({ type: "progress", stage: "disk", message: "Copying the disk" });
  const image = namelessFile(dirname(output));
  try {
    image.truncate(DISK_BYTES);
    await layers.withDisk(record.layers, (disk) => convert(disk.layers, image, output, signal));
    await linkNameless(image, output);
    return { output, size_bytes: DISK_BYTES, allocated_bytes: allocatedOf(image) };
  } finally {
    image.close();
  }
}

/** Lists what lies at any path of the disk, as the workspace would see it. */
export function listDisk(
  host: WorkspaceHost,
  record: WorkspaceRecord,
  input: ListInput,
  context: WorkContext,
): Promise<FileListing> {
  const { root, path, shown } = placeOf(input.path);
  return onDisk(host, record, context, async (tree, redactor) =>
    redactor.document(await listTree({ ...tree, root }, path, input, shown, context.signal)),
  );
}

/** Reads a file at any path of the disk. */
export function readDisk(
  host: WorkspaceHost,
  record: WorkspaceRecord,
  input: ReadInput,
  context: WorkContext,
): Promise<FileContent> {
  const { root, path, shown } = placeOf(input.path);
  return onDisk(host, record, context, (tree, redactor) =>
    readFrom({ ...tree, root }, { path, shown: shown(path) }, input, redactor, context.signal),
  );
}

/** A machine on the disk, under a layer that is gone with it: nothing is written, and nothing but the agent runs. */
async function onDisk<T>(
  host: WorkspaceHost,
  record: WorkspaceRecord,
  context: WorkContext,
  use: (tree: GuestTree, redactor: Redactor) => Promise<T>,
): Promise<T> {
  const { redactor } = new KeptSecrets(host.store.paths, record).open();
  const { environment, image, vcpu_count, mem_mib, workspace_id } = record;
  const request = { environment, vcpu_count, mem_mib, ...(image && { image: { name: environment, ...image } }) };
  const opened = await layersOf(host, record).withThrowAway(record.layers, context.signal, (disk) =>
    host.guests.open({ ...request, disk }, context),
  );
  const session = await MachineSession.begin(opened, workspace_id, context.signal);
  try {
    return await use(session.tree, redactor);
  } catch (thrown) {
    throw redactedError(redactor, await session.explain(thrown));
  } finally {
    await session.close();
  }
}

function layersOf({ guests, store }: WorkspaceHost, record: WorkspaceRecord): DiskLayers {
  if (record.is_host_compat || guests.disks === undefined)
    throw new PyroError("not_available", "A cage on the host's own kernel has no disk");
  return new DiskLayers(store.paths.partsOf(record.workspace_id), guests.disks);
}

/** The guest wrote what is in the layers, so whatever reads them is caged; formats are named, never probed. */
async function convert(
  layers: readonly OpenFile[],
  image: OpenFile,
  output: string,
  signal: AbortSignal,
): Promise<void> {
  const source = layers.reduce<object | null>((below, _, at) => {
    const file = { driver: "file", filename: `/proc/self/fd/${FIRST_FD + at}`, "read-only": true, locking: "off" };
    return { driver: "qcow2", file, backing: below };
  }, null);
  const program = findProgram("qemu-img");
  const to = `/proc/self/fd/${FIRST_FD + layers.length}`;
  const args = ["convert", "-n", "-W", "-O", "raw", `json:${JSON.stringify(source)}`, to];
  const caged = cageArgs({ program, args, readOnly: [], devices: [] });
  const fds = [...layers.map(({ fd }) => fd), image.fd];
  const result = await runProgram(findProgram("bwrap"), caged, { fds, signal, timeout_ms: COPY_MS });
  if (result.exit_code !== 0) throw ioErrorFromText(`qemu-img: ${result.stderr}`, "copy the disk to", output);
}

/** /workspace is a mount of its own, and the agent stays on the one where it begins. */
function placeOf(given: string): { root: string; path: string; shown: (path: string) => string } {
  const path = inside(given, "/");
  if (path !== WORKSPACE.slice(1) && !path.startsWith(`${WORKSPACE.slice(1)}/`))
    return { root: "/", path, shown: (inner) => `/${inner}` };
  return { root: WORKSPACE, path: pathInWorkspace(`/${path}`), shown: shownInWorkspace };
}
