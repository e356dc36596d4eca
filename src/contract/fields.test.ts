/** The ranges of the shared fields, and refusals that name value and range. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { field } from "./fields.ts";

const ranges = [
  ["vcpu_count", field.vcpuCount, 1, 64, 1],
  ["mem_mib", field.memMib, 128, 262_144, 1024],
  ["timeout_seconds", field.timeoutSeconds, 1, 604_800, 30],
  ["ttl_seconds", field.ttlSeconds(600), 1, 1_814_400, 600],
] as const;

describe.each(ranges)("%s", (name, type, least, most, standard) => {
  const schema = z.strictObject({ [name]: type });
  const problem = (value: unknown) => schema.safeParse({ [name]: value }).error?.issues.map((issue) => issue.message);

  it("accepts both ends of its range and has a default", () => {
    expect([least, most].map(problem)).toEqual([undefined, undefined]);
    expect(schema.parse({})).toEqual({ [name]: standard });
  });

  it.each([
    least - 1,
    most + 1,
    -1,
    1.5,
    2 ** 53,
    -(2 ** 53),
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "0x10",
    "1e9",
    "",
    "12",
    null,
    true,
    {},
    [],
  ])("refuses %j and names value and range", (value) => {
    expect(problem(value)).toEqual([`${JSON.stringify(value)} is not a whole number from ${least} to ${most}`]);
  });
});

describe("a ttl", () => {
  it("fits into a timer of 2^31 ms", () => {
    expect(field.ttlSeconds(600).safeParse(2_147_484).success).toBe(false);
  });
});

describe("text fields", () => {
  it.each(["\0", "debian:12\0", "a\0b"])("refuse NUL in %j", (text) => {
    expect(field.environment.safeParse(text).error?.issues[0]?.message).toContain("NUL");
    expect(field.command.safeParse(["echo", text]).error?.issues[0]).toMatchObject({
      path: [1],
      message: expect.stringContaining("NUL"),
    });
  });

  it("take empty arguments but no empty command", () => {
    expect(field.command.parse(["printf", ""])).toEqual(["printf", ""]);
    expect(field.command.safeParse([]).error?.issues[0]?.message).toContain("--");
  });

  it("refuse an environment without a name, or with one of absurd length", () => {
    expect(["", "x".repeat(513)].map((name) => field.environment.safeParse(name).success)).toEqual([false, false]);
    expect(field.environment.safeParse("x".repeat(512)).success).toBe(true);
  });
});
