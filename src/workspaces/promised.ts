/** A promise that is kept from outside. */
export interface Promised {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** Makes one that nobody has kept yet. */
export function promised(): Promised {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
