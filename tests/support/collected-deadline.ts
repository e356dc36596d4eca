/** Waits for a deadline that nothing else refers to, while memory is collected; prints how the wait ended. */
import { withDeadline } from "../../src/platform/deadline.ts";

const collecting = setInterval(() => globalThis.gc?.(), 5);
const patience = setTimeout(() => process.exit(1), 5000);
const caller = new AbortController();
const why = await withDeadline(
  200,
  AbortSignal.any([caller.signal]),
  (signal) => new Promise<unknown>((resolve) => signal.addEventListener("abort", () => resolve(signal.reason))),
);
clearInterval(collecting);
clearTimeout(patience);
process.stdout.write(`${why instanceof DOMException ? why.name : String(why)}\n`);
