/** Names of the catalog and what is suggested for a wrong one. */
import { describe, expect, it } from "vitest";
import { catalog, defaultEnvironment, editDistance, findInCatalog } from "./catalog.ts";

describe("the catalog", () => {
  it("has the stable names, default first", () => {
    expect(catalog.map((entry) => entry.name)).toEqual(["debian:12", "debian:12-base", "debian:12-build"]);
    expect(catalog[0]?.name).toBe(defaultEnvironment);
  });

  it("finds by exact name only", () => {
    expect(findInCatalog("debian:12-base").packages).toEqual(["ca-certificates"]);
    for (const name of ["Debian:12", "debian:12 ", "", "__proto__", "constructor"])
      expect(() => findInCatalog(name)).toThrow(expect.objectContaining({ code: "environment_not_found" }));
  });

  it("suggests the nearest names", () => {
    expect(() => findInCatalog("debain:12")).toThrow(/"debain:12"; did you mean "debian:12"/);
    expect(() => findInCatalog("debian:12-bulid")).toThrow(/did you mean "debian:12-build"/);
    expect(() => findInCatalog("python:3.12-slim")).toThrow(/named "python:3.12-slim"$/);
  });

  it.each([
    ["", "", 0],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["flaw", "lawn", 2],
  ])("counts the edits from %j to %j", (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
    expect(editDistance(to, from)).toBe(distance);
  });
});
