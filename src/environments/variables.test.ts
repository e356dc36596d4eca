/** Variables of images: data, of which programs can be started with most. */
import { describe, expect, it } from "vitest";
import { MAX_VARIABLE_BYTES, variablesOf } from "./variables.ts";

describe("an image's variables", () => {
  it("win over the least that programs need", () => {
    expect(variablesOf({})).toEqual({ PATH: expect.stringContaining("/usr/bin"), HOME: "/root" });
    expect(variablesOf({ PATH: "/app", A: "1" })).toEqual({ PATH: "/app", HOME: "/root", A: "1" });
  });

  it("keep newlines and loaders, and lose what no program can be started with", () => {
    const own = { LINES: "a\nb", LD_PRELOAD: "/x.so", "": "no name", "A=B": "an odd name", NUL: "a\0b" };
    expect(variablesOf(own)).toMatchObject({ LINES: "a\nb", LD_PRELOAD: "/x.so" });
    expect(Object.keys(variablesOf(own))).toEqual(["PATH", "HOME", "LINES", "LD_PRELOAD"]);
  });

  it("are refused where they take more than a program can be started with", () => {
    const long = { LONG: "x".repeat(MAX_VARIABLE_BYTES) };
    expect(() => variablesOf(long)).toThrow(expect.objectContaining({ code: "image_unsupported" }));
  });
});
