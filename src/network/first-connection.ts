/** The first of several addresses that takes a connection; a slow one does not hold up the next. */
import { setTimeout as delay } from "node:timers/promises";

export interface Attempts<T> {
  attempt(address: string, signal: AbortSignal): Promise<T>;
  /** Ends a connection that came too late */
  discard(connection: T): void;
  /** Time after which the next address is tried beside the others, in milliseconds */
  readonly stagger_ms: number;
  readonly signal: AbortSignal;
}

/** Addresses that are tried for one connection (docs/design/limits.md). */
const MAX_TRIED = 16;

/** Connects to one of them, the families by turns; rejects with the last failure where none takes it. */
export async function firstConnection<T>(addresses: readonly string[], attempts: Attempts<T>): Promise<T> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, attempts.signal]);
  let failure: unknown = new Error("there is no address");
  let winner: { readonly connection: T } | undefined;
  const tries: Promise<void>[] = [];
  for (const address of byTurns(addresses).slice(0, MAX_TRIED)) {
    const attempt = attempts.attempt(address, signal).then(
      (connection) => {
        if (winner === undefined && !signal.aborted) winner = { connection };
        else attempts.discard(connection);
      },
      (thrown: unknown) => {
        failure = thrown;
      },
    );
    tries.push(attempt);
    await Promise.race([attempt, delay(attempts.stagger_ms, undefined, { signal }).catch(() => {})]);
    if (winner !== undefined || signal.aborted) break;
  }
  await untilWon(tries, () => winner !== undefined);
  over.abort();
  if (winner !== undefined) return winner.connection;
  throw failure;
}

/** Waits for each of them, or the first that won. */
async function untilWon(tries: readonly Promise<void>[], isWon: () => boolean): Promise<void> {
  const left = new Map(tries.entries());
  while (left.size > 0 && !isWon()) {
    const done = await Promise.race([...left].map(([at, attempt]) => attempt.then(() => at)));
    left.delete(done);
  }
}

/** IPv6 first, then one of each family after the other. */
function byTurns(addresses: readonly string[]): string[] {
  const six = addresses.filter((address) => address.includes(":"));
  const four = addresses.filter((address) => !address.includes(":"));
  return Array.from({ length: Math.max(six.length, four.length) }, (_, at) => [six[at], four[at]])
    .flat()
    .filter((address) => address !== undefined);
}
