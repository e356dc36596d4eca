/** Names of the catalog and what is suggested for a wrong one. */
import { describe, expect, it } from "vitest";
import { catalog, defaultEnvironment, editDistance, nearestNames } from "./catalog.ts";
import { parseReference, referenceName } from "./registry/reference.ts";

describe("the catalog", () => {
  it("has the stable names, default first", () => {
    expect(catalog.map((entry) => entry.name)).toEqual(["debian:12", "debian:12-base", "debian:12-build"]);
    expect(catalog[0]?.name).toBe(defaultEnvironment);
  });

  it("names an image for each entry", () => {
    const names = catalog.map(({ reference }) => referenceName(parseReference(reference)));
    expect(names).toEqual(catalog.map(({ name }) => `ghcr.io/pyro-mcp/${name}`));
  });

  it("suggests the nearest names", () => {
    expect(nearestNames("debain:12")[0]).toBe("debian:12");
    expect(nearestNames("debian:12-bulid")[0]).toBe("debian:12-build");
    expect(nearestNames("python:3.12-slim")).toEqual([]);
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
