/** References as Docker reads them. */
import { describe, expect, it } from "vitest";
import { PyroError } from "../../contract/errors.ts";
import { parseReference, referenceName } from "./reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("a reference", () => {
  it.each([
    ["python", "docker.io/library/python:latest"],
    ["python:3.12-slim", "docker.io/library/python:3.12-slim"],
    ["org/name", "docker.io/org/name:latest"],
    ["a/b/c", "docker.io/a/b/c:latest"],
    ["docker.io/python", "docker.io/library/python:latest"],
    ["index.docker.io/python:1", "docker.io/library/python:1"],
    ["index.docker.io/a/b", "docker.io/a/b:latest"],
    ["ghcr.io/a/b:c", "ghcr.io/a/b:c"],
    ["localhost/a", "localhost/a:latest"],
    ["localhost", "docker.io/library/localhost:latest"],
    ["localhost:5000", "docker.io/library/localhost:5000"],
    ["localhost:5000/a", "localhost:5000/a:latest"],
    ["localhost:5000/a:b", "localhost:5000/a:b"],
    ["127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"],
    ["[::1]:5000/a", "[::1]:5000/a:latest"],
    ["[fd00::1]/a", "[fd00::1]/a:latest"],
    ["Registry/a", "Registry/a:latest"],
    ["EXAMPLE.com/a", "EXAMPLE.com/a:latest"],
    ["xn--n3h.example/a", "xn--n3h.example/a:latest"],
    ["a_b/c__d/e-f/g---h/i.j", "docker.io/a_b/c__d/e-f/g---h/i.j:latest"],
    [`python@${DIGEST}`, `docker.io/library/python@${DIGEST}`],
    [`ghcr.io/a/b:c@${DIGEST}`, `ghcr.io/a/b:c@${DIGEST}`],
    ["a:_x", "docker.io/library/a:_x"],
    [`a:${"x".repeat(128)}`, `docker.io/library/a:${"x".repeat(128)}`],
    [`h.io/${"x".repeat(255)}`, `h.io/${"x".repeat(255)}:latest`],
  ])("%s is %s", (text, name) => {
    const reference = parseReference(text);
    expect(referenceName(reference)).toBe(name);
    expect(parseReference(name)).toEqual(reference);
  });

  it("has no tag of its own where it has a digest", () => {
    expect(parseReference(`a@${DIGEST}`)).toEqual({ registry: "docker.io", repository: "library/a", digest: DIGEST });
  });
});

describe("what is no reference", () => {
  it.each([
    ["", "repository"],
    ["/", "repository"],
    ["/a", "repository"],
    ["a/", "repository"],
    ["a//b", "repository"],
    [":tag", "repository"],
    ["Python", "repository"],
    ["org/Name", "repository"],
    ["ghcr.io/A/b", "repository"],
    ["-a", "repository"],
    ["a-", "repository"],
    ["a..b", "repository"],
    ["a___b", "repository"],
    ["a._b", "repository"],
    ["../../etc/passwd", "registry"],
    ["./a", "registry"],
    ["a/../b", "repository"],
    ["h.io/a%2fb", "repository"],
    ["h.io/a?b", "repository"],
    ["h.io/a#b", "repository"],
    ["0123456789abcdef".repeat(4), "repository"],
    [`h.io/${"x".repeat(256)}`, "repository"],
    ["a:", "tag"],
    ["a:.b", "tag"],
    ["a:-b", "tag"],
    ["a:b:c", "tag"],
    ["http://h.io/a", "reference"],
    ["docker://h.io/a", "reference"],
    [`a:${"x".repeat(129)}`, "tag"],
    ["a:b/c", "registry"],
    ["a@", "digest"],
    ["a@sha256:abc", "digest"],
    [`a@${DIGEST}0`, "digest"],
    [`a@${DIGEST.toUpperCase()}`, "digest"],
    [`a@sha512:${"0".repeat(128)}`, "digest"],
    [`a@${DIGEST}@${DIGEST}`, "digest"],
    ["user@h.io/a", "digest"],
    ["h.io:0/a", "registry"],
    ["h.io:65536/a", "registry"],
    ["h.io:80a/a", "registry"],
    ["-h.io/a", "registry"],
    ["h-.io/a", "registry"],
    ["h..io/a", "registry"],
    ["h_x.io/a", "registry"],
    ["[::1/a", "registry"],
    ["[::1]x:5/a", "registry"],
    ["a b", "reference"],
    [" a", "reference"],
    ["a\n", "reference"],
    ["a\0", "reference"],
    ["ä", "reference"],
    ["a\u001b[31m", "reference"],
    ["x".repeat(1025), "reference"],
  ])("%j is refused for its %s", (text, part) => {
    let thrown: unknown;
    try {
      parseReference(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PyroError);
    expect(thrown).toMatchObject({ code: "image_reference_invalid", details: { part } });
    expect(String(thrown)).not.toMatch(/[\0-\x1f\x7f]/);
  });

  it("is shown shortened", () => {
    expect(() => parseReference("X".repeat(1000))).toThrow(/"X{120}…"/);
  });
});
