/** What a template was made from: every part counts, and a person is told which one changed. */

import { describe, expect, it } from "vitest";
import { origin } from "../../tests/support/template-origin.ts";
import {
  changes,
  hasSamePurpose,
  isSameClock,
  type TemplateOrigin,
  templateKey,
  templateOrigin,
} from "./template-origin.ts";

/** The same origin with another value of one part. */
const altered: Readonly<Record<keyof TemplateOrigin, TemplateOrigin>> = {
  environment: { ...origin, environment: "debian:12-build" },
  environment_digest: { ...origin, environment_digest: "sha256:f" },
  kernel: { ...origin, kernel: "sha256:l" },
  agent: { ...origin, agent: "b" },
  vmm: { ...origin, vmm: "1:2:3:4:6" },
  cpu: { ...origin, cpu: "c" },
  machine: { ...origin, machine: "n" },
  acceleration: { ...origin, acceleration: "kvm" },
  vcpu_count: { ...origin, vcpu_count: 2 },
  mem_mib: { ...origin, mem_mib: 1025 },
};
const parts = templateOrigin.keyof().options;

describe("the key of a template", () => {
  it("is a file name, and the same for the same origin in whatever order it is written", () => {
    const reversed = templateOrigin.parse(Object.fromEntries(Object.entries(origin).reverse()));
    expect(templateKey(origin)).toMatch(/^[0-9a-f]{32}$/);
    expect(templateKey(reversed)).toBe(templateKey(origin));
  });

  it("differs with every part", () => {
    const keys = [origin, ...parts.map((part) => altered[part])].map(templateKey);
    expect(new Set(keys).size).toBe(parts.length + 1);
  });

  it("does not take a value for another part's", () => {
    const one = { ...origin, kernel: "x", agent: "" };
    const other = { ...origin, kernel: "", agent: "x" };
    expect(templateKey(one)).not.toBe(templateKey(other));
  });
});

describe("what changed", () => {
  it.each([
    ["environment_digest", "environment changed"],
    ["kernel", "kernel changed"],
    ["vmm", "QEMU changed"],
    ["acceleration", "KVM has become usable, or is no longer"],
    ["agent", "pyro upgraded"],
    ["machine", "pyro upgraded"],
    ["cpu", "the host's CPU changed"],
  ] as const)("by %s is told as %j", (part, reason) => {
    expect(changes(origin, altered[part])).toEqual([reason]);
    expect(changes(altered[part], origin)).toEqual([reason]);
  });

  it("is nothing where nothing did", () => {
    expect(changes(origin, { ...origin })).toEqual([]);
  });

  it("is told once, causes first", () => {
    const upgraded = { ...origin, machine: "n", agent: "b", kernel: "sha256:l", environment_digest: "sha256:f" };
    expect(changes(origin, upgraded)).toEqual(["environment changed", "kernel changed", "pyro upgraded"]);
  });

  it("has a reason for every part but those that make another template of it", () => {
    for (const part of parts)
      expect(hasSamePurpose(origin, altered[part])).toBe(changes(origin, altered[part]).length > 0);
  });
});

describe("a clock", () => {
  it.each([
    [2_600_000, 0, true],
    [2_600_000, 260, true],
    [2_600_000, -260, true],
    [2_600_000, 261, false],
    [2_600_000, -261, false],
    [100_000, 10, true],
    [100_000, 11, false],
    [20_000_000, 2_000, true],
    [20_000_000, -2_001, false],
  ])("of %i kHz that differs by %i kHz is the same: %s", (khz, difference, isSame) => {
    expect(isSameClock(khz, khz + difference)).toBe(isSame);
  });
});
