/** When a workspace's time is over: by the host's own clock while it runs, by wall time after it was booted anew. */
import { uptime } from "node:os";
import { bootId } from "../platform/host.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";

type Expiry = Pick<WorkspaceRecord, "expires_at" | "expires_boot">;

/** The end of what has `ttl_seconds` to live from now on. */
export function expiryIn(ttl_seconds: number): Expiry {
  const ms = ttl_seconds * 1000;
  return {
    expires_at: new Date(Date.now() + ms).toISOString(),
    expires_boot: { boot_id: bootId(), uptime_ms: Math.round(uptime() * 1000) + ms },
  };
}

/** Time that is left, in milliseconds; not above 0 where it is over. */
export function timeLeft({ expires_at, expires_boot }: Expiry): number {
  if (expires_boot.boot_id === bootId()) return expires_boot.uptime_ms - uptime() * 1000;
  return Date.parse(expires_at) - Date.now();
}
