/** The exit status of a command, as a shell gives it. */
import type { ExecEnded } from "../wire/messages.ts";

/** Of a command that was stopped at its timeout, as timeout(1) gives it. */
const TIMED_OUT_STATUS = 124;
/** Added to the number of the signal that ended a command. */
export const SIGNAL_STATUS = 128;

/** The status a shell would report: 128+N for signal N, 124 after a timeout. */
export function exitStatus(ended: ExecEnded): number {
  if (ended.timed_out) return TIMED_OUT_STATUS;
  if (ended.signal !== null) return SIGNAL_STATUS + ended.signal;
  return ended.exit_code ?? 255;
}
