/** Named places at which a test build fails on demand; in a release there are none. */
import { PyroError } from "../contract/errors.ts";
import { killChildren, killProcess } from "./process-facts.ts";

/** Replaced when it is bundled: by nothing in a release, by what says `POINT:N:ACTION` in a test build. */
declare const PYRO_FAILPOINTS: string | undefined;

/** Times that each place was passed. */
const passed = new Map<string, number>();

/** Does what is demanded when this place is passed for the N-th time: `kill9` itself, kill its `machine`, `hang`, `error`, `enospc` or `eio`. */
export async function failpoint(name: string): Promise<void> {
  if (typeof PYRO_FAILPOINTS === "undefined") return;
  await reached(name, PYRO_FAILPOINTS);
}

async function reached(name: string, demand: string): Promise<void> {
  const [point, number, action] = demand.split(":");
  if (point !== name) return;
  const times = (passed.get(name) ?? 0) + 1;
  passed.set(name, times);
  if (times !== Number(number)) return;
  if (action === "kill9") killProcess(process.pid);
  if (action === "machine") return killChildren(process.pid);
  if (action === "enospc") throw new PyroError("host_disk_full", `No room left at ${name}`);
  if (action === "eio") throw new PyroError("host_io_failed", `Reading or writing failed at ${name}`);
  if (action === "error") throw new Error(`failed at ${name}`);
  await new Promise(() => setInterval(() => {}, 1_000_000));
}
