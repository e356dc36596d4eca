/** What changes a workspace happens in order, one after the other; what replaces its machine waits for the rest, and the rest for it. */

/** The order of one workspace's changes. */
export class Order {
  #last: Promise<unknown> = Promise.resolve();
  #replaced: Promise<unknown> = Promise.resolve();

  /** Runs a change when all that were asked for before it have ended. */
  change<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return run();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** The same for what replaces or ends the machine: reads wait for it too. */
  replace<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const turn = this.change(signal, run);
    this.#replaced = turn.catch(() => undefined);
    return turn;
  }

  /** Waits until no machine is being replaced. */
  async settled(): Promise<void> {
    await this.#replaced;
  }
}
