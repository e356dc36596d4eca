/** What can be changed of a workspace's record by its user. */
import { PyroError } from "../contract/errors.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { expiryIn } from "../workspaces/expiry.ts";

export interface UpdateInput {
  readonly name?: string | undefined;
  readonly clear_name: boolean;
  readonly label?: Readonly<Record<string, string>> | undefined;
  readonly remove_label?: readonly string[] | undefined;
  readonly ttl_seconds?: number | undefined;
}

/** Throws `invalid_input` where a name is both given and taken away. */
export function requireOneName({ name, clear_name }: UpdateInput): void {
  if (name === undefined || !clear_name) return;
  throw new PyroError("invalid_input", `The name "${name}" is given, and the name is to be taken away`, {
    hint: "Leave --name or --clear-name out",
  });
}

/** The changed part of a record. */
export function applyUpdate(record: WorkspaceRecord, input: UpdateInput): Partial<WorkspaceRecord> {
  const removed = new Set(input.remove_label ?? []);
  const labels = Object.entries({ ...record.labels, ...input.label }).filter(([key]) => !removed.has(key));
  return {
    name: input.clear_name ? null : (input.name ?? record.name),
    labels: Object.fromEntries(labels),
    ...(input.ttl_seconds !== undefined && expiryIn(input.ttl_seconds)),
  };
}
