/** Reads what apt, dpkg and mmdebstrap print: progress while they run, the cause when they fail. */
import { PyroError } from "../contract/errors.ts";
import type { Emit, ProgressEvent } from "../contract/progress.ts";

const TAIL_BYTES = 2048;
const unreachable =
  /Could not connect|Connection (failed|refused|reset|timed out)|Could not resolve|Temporary failure resolving|[Tt]imed out|Unable to connect|No route to host|unreachable|\b(40[0-9]|50[0-9]) {2}|Bad header|The HTTP server sent an invalid|SSL|certificate|Undetermined Error|Error reading from server|Connection closed/;
const noise = /^(Empty tar filename|Reading package lists|W: Unable to read )/;

/** Turns the lines of a build into progress events. */
export class BuildProgress {
  readonly #emit: Emit;
  #phase: "preparing" | "installing" = "preparing";
  #total = 0;
  readonly #done = { downloading: 0, unpacking: 0, configuring: 0 };

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Takes one line of standard error or of a program's standard output. */
  line(text: string): void {
    const newly = /(\d+) newly installed/.exec(text)?.[1];
    if (newly !== undefined) this.#total += Number(newly);
    else if (text.startsWith("I: running apt-get update")) this.#stage("updating", "Reading the package lists");
    else if (text.startsWith("I: downloading packages")) this.#phase = "installing";
    else if (text.startsWith("I: creating tarball")) this.#stage("compressing", "Compressing the root image");
    else if (this.#phase === "installing") this.#package(text);
  }

  #package(text: string): void {
    if (/^Get:\d+ /.test(text)) this.#count("downloading", "Downloading packages");
    else if (text.startsWith("Unpacking ")) this.#count("unpacking", "Unpacking packages");
    else if (text.startsWith("Setting up ")) this.#count("configuring", "Setting up packages");
  }

  #count(stage: "downloading" | "unpacking" | "configuring", message: string): void {
    this.#done[stage] += 1;
    const done = this.#done[stage];
    const total = Math.max(done, this.#total);
    this.#send({ type: "progress", stage, message, done, total, unit: "packages" });
  }

  #stage(stage: string, message: string): void {
    this.#send({ type: "progress", stage, message });
  }

  #send(event: ProgressEvent): void {
    void this.#emit(event);
  }
}

/** The error that a failed build is, from what it printed. */
export function buildError(log: readonly string[], what: string, destination: string): PyroError {
  const lines = log.filter((line) => !noise.test(line));
  const tail = lines.join("\n").slice(-TAIL_BYTES);
  const full = lines.find((line) => /No space left on device|Disk quota exceeded/.test(line));
  if (full !== undefined)
    return new PyroError("host_disk_full", `no space left while building ${what} in "${destination}"`, {
      details: { path: destination, log: tail },
    });
  const fetch = failedFetch(lines);
  if (fetch !== undefined && unreachable.test(fetch.cause))
    return new PyroError("archive_unreachable", `cannot fetch ${fetch.url}: ${fetch.cause}`, {
      details: { url: fetch.url, reason: fetch.cause },
    });
  const cause = fetch === undefined ? lines.findLast((line) => /^E: /.test(line)) : `${fetch.url}: ${fetch.cause}`;
  return new PyroError("environment_build_failed", `building ${what} failed${cause ? `: ${cause}` : ""}`, {
    details: { log: tail },
  });
}

/** The first failure, as apt sums it up, or else as it happened: an `Err:` line and, indented below it, the cause. */
function failedFetch(lines: readonly string[]): { url: string; cause: string } | undefined {
  const failures =
    /^[EW]: Failed to fetch (?<url>\S+)\s+(?<cause>.+)$/m.exec(lines.join("\n")) ??
    /^Err:\d+ (?<url>\S+).*\n {2}(?<cause>\S.*)$/m.exec(lines.join("\n"));
  const { url, cause } = failures?.groups ?? {};
  return url === undefined || cause === undefined ? undefined : { url, cause: cause.trim() };
}
