/** What apt and mmdebstrap print, as progress and as errors. */
import { describe, expect, it } from "vitest";
import type { OperationEvent } from "../contract/progress.ts";
import { BuildProgress, buildError } from "./archive-log.ts";

describe("the progress of a build", () => {
  it("counts packages through download, unpacking and configuration", () => {
    const events: OperationEvent[] = [];
    const progress = new BuildProgress((event) => void events.push(event));
    const log = [
      "I: running apt-get update...",
      "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]",
      "I: downloading packages with apt...",
      "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
      "Get:1 http://deb.debian.org/debian bookworm/main amd64 libc6 amd64 2.36-9 [2759 kB]",
      "Unpacking libc6:amd64 (2.36-9) ...",
      "Setting up libc6:amd64 (2.36-9) ...",
      "I: creating tarball...",
    ];
    for (const line of log) progress.line(line);
    expect(events.map((event) => (event.type === "progress" ? [event.stage, event.done, event.total] : []))).toEqual([
      ["updating", undefined, undefined],
      ["downloading", 1, 2],
      ["unpacking", 1, 2],
      ["configuring", 1, 2],
      ["compressing", undefined, undefined],
    ]);
  });
});

describe("a failed build", () => {
  const error = (...log: string[]) => buildError(log, '"debian:12"', "/cache");

  it("names the address and the cause when the archive does not answer", () => {
    const unreachable = error(
      "Err:1 http://127.0.0.1:9/debian bookworm InRelease",
      "E: Failed to fetch http://127.0.0.1:9/debian/dists/bookworm/InRelease  Could not connect to 127.0.0.1:9 - connect (111: Connection refused)",
    );
    expect(unreachable).toMatchObject({
      code: "archive_unreachable",
      details: { url: "http://127.0.0.1:9/debian/dists/bookworm/InRelease" },
    });
    expect(unreachable.message).toContain("Connection refused");
  });

  it("names them too where apt sums up only what is missing, as it does on a machine without a network", () => {
    const unreachable = error(
      "Err:4 http://127.0.0.1:9/debian bookworm Release",
      "  Cannot initiate the connection to 127.0.0.1:9 (127.0.0.1). - connect (101: Network is unreachable)",
      "E: The repository 'http://127.0.0.1:9/debian bookworm Release' does not have a Release file.",
    );
    expect(unreachable).toMatchObject({
      code: "archive_unreachable",
      message: expect.stringContaining("Network is unreachable"),
      details: { url: "http://127.0.0.1:9/debian" },
    });
  });

  it("is not the network's fault when a signature or a hash is wrong", () => {
    const signature = error("E: Failed to fetch http://a/InRelease  The following signatures were invalid: BADSIG");
    expect(signature).toMatchObject({ code: "environment_build_failed", message: expect.stringContaining("BADSIG") });
    expect(error("E: Failed to fetch http://a/x.deb  Hash Sum mismatch").code).toBe("environment_build_failed");
  });

  it("is a full disk where that is the cause", () => {
    expect(error("FATAL ERROR: Failed to write: No space left on device").code).toBe("host_disk_full");
  });

  it("keeps the end of the log and no more", () => {
    const { details } = error(...Array.from({ length: 500 }, (_, index) => `line ${index}`), "E: the end");
    expect(details["log"]).toMatch(/E: the end$/);
    expect(String(details["log"]).length).toBeLessThanOrEqual(2048);
  });
});
