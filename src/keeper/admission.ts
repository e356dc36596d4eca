/** Whether the host has memory for one more workspace: asked before anything of it is made. */
import { PyroError } from "../contract/errors.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";

const BYTES_PER_MIB = 1_048_576;
/** Part of a guest's memory that it is expected to touch, and the least of that in MiB; an idle one of 1024 MiB takes about 80. */
const TOUCHED = 1 / 4;
const LEAST_MIB = 256;
/** What the keeper and the VMM take besides, in MiB */
const AROUND_MIB = 64;
/** What is left to the host itself, in MiB */
const RESERVE_MIB = 256;

type Shape = Pick<WorkspaceRecord, "mem_mib" | "is_host_compat">;

/** Memory that a workspace is expected to take soon, in MiB. */
export function expectedMib({ mem_mib, is_host_compat }: Shape): number {
  const guest = is_host_compat ? 0 : Math.min(mem_mib, Math.max(LEAST_MIB, Math.ceil(mem_mib * TOUCHED)));
  return guest + AROUND_MIB;
}

/**
 * Throws `insufficient_memory` where a workspace would not fit beside those that are `beginning`, whose guests have not touched theirs yet.
 * A host that does not say what it has admits everything.
 */
export function admit(workspace: Shape, beginning: readonly Shape[], available_bytes: number | undefined): void {
  if (available_bytes === undefined) return;
  const promised = beginning.reduce((sum, one) => sum + expectedMib(one), 0);
  const needed_mib = expectedMib(workspace) + promised + RESERVE_MIB;
  const available_mib = Math.floor(available_bytes / BYTES_PER_MIB);
  if (available_mib >= needed_mib) return;
  const others = beginning.length === 0 ? "" : `, with ${beginning.length} others that are beginning`;
  throw new PyroError(
    "insufficient_memory",
    `A workspace of ${workspace.mem_mib} MiB needs ${needed_mib} MiB of memory to begin${others}, and ${available_mib} MiB are available`,
    { details: { needed_mib, available_mib } },
  );
}
