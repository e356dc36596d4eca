/** Trees that are made up from a number: the same number gives the same tree. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

/** A generator of numbers below a bound (mulberry32). */
export function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const names: readonly Buffer[] = [
  Buffer.from("é"),
  Buffer.from("e\u0301"),
  Buffer.from("a b"),
  Buffer.from("new\nline"),
  Buffer.from("\u001b[31m"),
  Buffer.from("-rf"),
  Buffer.from("back\\slash"),
  Buffer.from("trailing."),
  Buffer.from("README"),
  Buffer.from("readme"),
  Buffer.from("😀"),
  Buffer.of(0xff, 0x61),
  Buffer.of(0xc3, 0x28),
  Buffer.of(0x7f),
  Buffer.alloc(255, "n"),
];

/** Most entries of a tree */
const MOST = 120;

/** Makes a tree in an empty directory: files of all sizes, links that stay inside, odd names, depth. */
export function makeRandomTree(root: string, seed: number): void {
  const below = seeded(seed);
  let made = 0;
  const fill = (directory: Buffer, depth: number): void => {
    const chosen = new Map<string, Buffer>();
    for (let left = depth === 0 ? 6 : 1 + below(5); left > 0; left -= 1) {
      const name = below(3) === 0 ? (names[below(names.length)] ?? Buffer.from("x")) : Buffer.from(`n${below(1000)}`);
      chosen.set(name.toString("latin1"), name);
    }
    for (const name of chosen.values()) make(Buffer.concat([directory, Buffer.from("/"), name]), depth);
  };
  const make = (path: Buffer, depth: number): void => {
    made += 1;
    if (made > MOST) return;
    const kind = below(10);
    if (kind < 4 && depth < 12) {
      mkdirSync(path, { mode: 0o755 });
      fill(path, depth + 1);
    } else if (kind < 6) {
      symlinkSync(["n1", "./missing/..", "x/y", "."][below(4)] ?? ".", path);
    } else {
      const size = [0, 1, 511, 4_096, 100_000][below(5)] ?? 0;
      writeFileSync(path, Buffer.alloc(size, below(256)));
      chmodSync(path, below(2) === 0 ? 0o644 : 0o755);
    }
  };
  fill(Buffer.from(root), 0);
}
