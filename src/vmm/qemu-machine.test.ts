/** What a machine tells of its end, out of what QEMU says. */
import { describe, expect, it } from "vitest";
import { shutdownCause } from "./qemu-machine.ts";

describe("the cause of a machine's end", () => {
  it.each(["guest-shutdown", "guest-reset", "guest-panic", "host-signal"])("is what QEMU says: %s", (reason) => {
    expect(shutdownCause("SHUTDOWN", { guest: true, reason })).toBe(reason);
  });

  it("is in no other event", () => {
    expect(shutdownCause("RESET", { guest: true, reason: "guest-reset" })).toBeUndefined();
    expect(shutdownCause("STOP", undefined)).toBeUndefined();
  });

  it.each([undefined, {}, { reason: 1 }, { reason: "" }, { reason: "\u001b[2J" }, { reason: "x".repeat(33) }])(
    "is nothing where QEMU answers %j",
    (data) => {
      expect(shutdownCause("SHUTDOWN", data)).toBeUndefined();
    },
  );
});
