/** What a caller's word stands for: an entry of the catalog, or an image under one name however it is written. */
import { describe, expect, it } from "vitest";
import { PyroError } from "../contract/errors.ts";
import { environmentNamed, withSuggestion } from "./names.ts";
import { referenceName } from "./registry/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("a name", () => {
  it("of the catalog is never that of an image", () => {
    expect(environmentNamed("debian:12")).toMatchObject({ kind: "catalog", name: "debian:12" });
    const image = environmentNamed("docker.io/library/debian:12");
    expect(image).toMatchObject({ kind: "image", name: "docker.io/library/debian:12" });
    expect(environmentNamed("library/debian:12")).toEqual(image);
  });

  it.each([
    ["python:3.12-slim", "python:3.12-slim"],
    ["docker.io/library/python:3.12-slim", "python:3.12-slim"],
    ["index.docker.io/python:3.12-slim", "python:3.12-slim"],
    ["library/python", "python:latest"],
    ["debian:13", "debian:13"],
    ["docker.io/bitnami/redis", "bitnami/redis:latest"],
    [`ghcr.io/a/b@${digest}`, `ghcr.io/a/b@${digest}`],
    ["localhost:5000/a:1", "localhost:5000/a:1"],
    ["docker.io/localhost/a:1", "docker.io/localhost/a:1"],
  ])("%s is one of an image, known as %s", (text, name) => {
    const named = environmentNamed(text);
    expect(named).toMatchObject({ kind: "image", name });
    const again = environmentNamed(name);
    expect(again).toEqual(named);
    if (again.kind === "image" && named.kind === "image")
      expect(referenceName(again.reference)).toBe(referenceName(named.reference));
  });

  it.each(["", "__proto__", "a b", "../../etc/passwd", "-x", "a@sha256:0", "a\u0000b", "x".repeat(2000)])(
    "%j is one of nothing",
    (text) => {
      expect(() => environmentNamed(text)).toThrow(expect.objectContaining({ code: "image_reference_invalid" }));
    },
  );

  it.each(["Debian:12", "debian:12 "])("%j is almost that of an entry, and no image's", (text) => {
    expect(() => environmentNamed(text)).toThrow(expect.objectContaining({ code: "environment_not_found" }));
    expect(() => environmentNamed(text)).toThrow(/did you mean "debian:12"/);
  });
});

describe("an image that is not to be had", () => {
  const missing = new PyroError("image_not_found", "there is none", { details: { a: 1 } });

  it("may have been meant to be an entry of the catalog", () => {
    expect(withSuggestion(missing, "debain:12")).toMatchObject({
      code: "image_not_found",
      message: expect.stringContaining('did you mean "debian:12"'),
      hint: "pyro env pull debian:12",
      details: { a: 1 },
    });
  });

  it.each(["python:3.12-slim", "ghcr.io/debian:12", `debian@${digest}`])("%s was meant as it is", (name) => {
    expect(withSuggestion(missing, name)).toBe(missing);
  });

  it("was not looked for to the end where the caller cancelled", () => {
    const cancelled = new PyroError("cancelled", "cancelled");
    expect(withSuggestion(cancelled, "debain:12")).toBe(cancelled);
  });
});
