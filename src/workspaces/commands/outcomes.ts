/** Why a command ended, judged from what the guest's kernel says: the first row that applies. Nothing is guessed from a status. */
import { constants } from "node:os";
import type { ErrorCode, PyroError } from "../../contract/errors.ts";
import type { Outcome, OutcomeKind } from "../../contract/outcome.ts";
import type { NamedDenial } from "../../network/command-denials.ts";
import type { ExecEnded } from "../../wire/messages.ts";
import { SIGNAL_STATUS } from "../exit-status.ts";
import type { CommandEnd } from "../history/command-log.ts";
import { UNSEEN_STATUS } from "../history/record.ts";

/** What a remedy names. */
export interface OutcomeSetting {
  readonly workspace_id: string;
  readonly mem_mib: number;
  readonly timeout_seconds: number;
}

/** Connections of a command that were denied: some of them, and how many there were. */
export interface Denials {
  readonly named: readonly NamedDenial[];
  readonly total: number;
}

interface Rule {
  readonly kind: OutcomeKind;
  applies(ended: ExecEnded, denials: Denials): boolean;
  detail(ended: ExecEnded, setting: OutcomeSetting, denials: Denials): string;
  remedy(setting: OutcomeSetting, denials: Denials): string | null;
}

/** Less than this is no room, in bytes: file systems keep the last few blocks to themselves. */
const NO_ROOM_BYTES = 65_536;

const failed = ({ exit_code }: ExecEnded) => exit_code !== 0;
const fullPlace = ({ free_space }: ExecEnded) =>
  free_space.find(({ bytes, inodes }) => bytes < NO_ROOM_BYTES || inodes === 0);
const placeNames = { cwd: "its working directory", tmp: "/tmp" } as const;
const none = () => null;

const rules: readonly Rule[] = [
  {
    kind: "timeout",
    applies: ({ timed_out }) => timed_out,
    detail: (_, { timeout_seconds }) => `it ran longer than ${timeout_seconds} s and was killed with all it started`,
    remedy: ({ timeout_seconds, workspace_id }) =>
      `Raise --timeout-seconds above ${timeout_seconds}, or use --detach and then: pyro workspace wait ${workspace_id} --sequence N`,
  },
  {
    kind: "oom",
    applies: (ended) => ended.oom_killed && failed(ended),
    detail: (_, { mem_mib }) => `the guest's kernel killed a process of it for lack of memory (${mem_mib} MiB)`,
    remedy: ({ mem_mib }) => `pyro workspace create … --mem-mib ${2 * mem_mib}`,
  },
  {
    kind: "disk_full",
    applies: (ended) => failed(ended) && fullPlace(ended) !== undefined,
    detail: (ended) => {
      const place = fullPlace(ended);
      const what = place?.inodes === 0 ? "inodes" : "space";
      return `${ending(ended)}, and the file system of ${placeNames[place?.place ?? "cwd"]} has no ${what} left`;
    },
    remedy: ({ workspace_id }) => `Remove files, or return to the baseline: pyro workspace reset ${workspace_id}`,
  },
  {
    kind: "signal",
    applies: ({ signal }) => signal !== null,
    detail: ending,
    remedy: none,
  },
  {
    kind: "network_denied",
    applies: (ended, { total }) => failed(ended) && total > 0,
    detail: (ended, _, { named, total }) => {
      const first = named[0];
      const where = first === undefined ? "" : `, first to ${placeOf(first)} (${first.rule})`;
      return `${ending(ended)}, and ${total} of its connections or lookups ${total === 1 ? "was" : "were"} denied${where}`;
    },
    remedy: (_, { named }) => named[0]?.hint ?? null,
  },
];
const noDenials: Denials = { named: [], total: 0 };

const otherwise: Rule = { kind: "exited", applies: () => true, detail: ending, remedy: none };

/** Why a command ended that ran. */
export function outcomeOf(ended: ExecEnded, setting: OutcomeSetting, denials = noDenials): Outcome {
  const rule = rules.find(({ applies }) => applies(ended, denials)) ?? otherwise;
  return {
    kind: rule.kind,
    detail: rule.detail(ended, setting, denials),
    remedy: rule.remedy(setting, denials),
    retry_safe: false,
    ...(denials.total > 0 && { network_denied: [...denials.named], network_denied_count: denials.total }),
  };
}

function placeOf({ host, port }: NamedDenial): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === null ? shown : `${shown}:${port}`;
}

function ending({ exit_code, signal, oom_killed }: ExecEnded): string {
  const killed = oom_killed ? ", after the kernel killed a process of it for lack of memory" : "";
  return signal === null
    ? `it ended with exit code ${exit_code ?? "unknown"}${killed}`
    : `${signalName(signal)} ended it`;
}

/** The name of a signal with its number, such as `SIGTERM (15)`. */
function signalName(number: number): string {
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return name === undefined ? `signal ${number}` : `${name} (${number})`;
}

/** How a command that gave no result stands in the history: what a shell would say of it, and why. */
interface Failure {
  readonly kind: OutcomeKind;
  readonly exit_code: number;
  readonly retry_safe: boolean;
}

const notStarted = (exit_code: number): Failure => ({ kind: "exited", exit_code, retry_safe: true });

const failures: Partial<Readonly<Record<ErrorCode, Failure>>> = {
  command_not_found: notStarted(127),
  command_not_executable: notStarted(126),
  argument_too_long: notStarted(126),
  invalid_input: notStarted(126),
  cancelled: { kind: "cancelled", exit_code: SIGNAL_STATUS + constants.signals.SIGKILL, retry_safe: false },
};
const lost: Failure = { kind: "guest_lost", exit_code: UNSEEN_STATUS, retry_safe: false };
const givenUp: Failure = { kind: "cancelled", exit_code: UNSEEN_STATUS, retry_safe: false };

/** The end of a command without a result; `cancelled` is why it was cancelled, if it was. */
export function endOf(error: PyroError, cancelled: string | undefined, duration_ms: number): CommandEnd {
  const failure =
    failures[cancelled === undefined ? error.code : "cancelled"] ?? (error.kind === "guest" ? lost : givenUp);
  const { kind, exit_code, retry_safe } = failure;
  const remedy = cancelled === undefined ? error.hint : null;
  return {
    exit_code,
    timed_out: false,
    duration_ms,
    outcome: { kind, detail: cancelled ?? error.message, remedy, retry_safe },
  };
}
