/** Rules on the way to a registry: proxies and their exceptions, how far away an address is, challenges, pauses, programs. */
import { describe, expect, it } from "vitest";
import { type Reach, reachOf } from "../../network/reach.ts";
import { locateCredentialProgram } from "../../platform/programs.ts";
import { readChallenges } from "./challenge.ts";
import { literalAddress, mayLeadTo } from "./destinations.ts";
import { proxyFor } from "./proxies.ts";
import { askedPause, pauseAfter } from "./retries.ts";

describe("a proxy", () => {
  const proxied = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.url.origin;

  it.each([
    ["https://h.io", { https_proxy: "http://p:1", http_proxy: "http://q:1" }, "http://p:1"],
    ["http://h.io", { https_proxy: "http://p:1", http_proxy: "http://q:1" }, "http://q:1"],
    ["https://h.io", { HTTPS_PROXY: "https://p:1" }, "https://p:1"],
    ["https://h.io", { https_proxy: "http://p:1", HTTPS_PROXY: "http://q:1" }, "http://p:1"],
    ["https://h.io", { https_proxy: "", HTTPS_PROXY: "http://q:1" }, "http://q:1"],
    ["https://h.io", { https_proxy: "p:1" }, "http://p:1"],
    ["https://h.io", { http_proxy: "http://q:1" }, undefined],
    ["https://localhost:5000", { https_proxy: "http://p:1" }, undefined],
    ["https://127.0.0.2", { https_proxy: "http://p:1" }, undefined],
  ])("for %s of %j is %s", (url, env, origin) => {
    expect(proxied(url, env as Record<string, string>)).toBe(origin);
  });

  it.each([
    ["h.io", "https://h.io", true],
    ["h.io", "https://a.h.io", true],
    ["h.io", "https://ah.io", false],
    [".h.io", "https://a.h.io", true],
    [".h.io", "https://h.io", false],
    ["*.h.io", "https://a.h.io", true],
    ["H.IO", "https://h.io", true],
    ["a, h.io", "https://h.io", true],
    ["*", "https://h.io", true],
    ["h.io:443", "https://h.io", true],
    ["h.io:80", "https://h.io", false],
    ["10.0.0.0/8", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["10.0.0.0/0", "https://11.1.2.3", true],
    ["10.1.2.3", "https://10.1.2.3", true],
    ["10.1.2.3:443", "https://10.1.2.3", true],
    ["fd00::/8", "https://[fd12::1]", true],
    ["fd12::1", "https://[fd12::1]", true],
    ["[fd12::1]:443", "https://[fd12::1]", true],
    ["10.0.0.0/x", "https://10.1.2.3", false],
    ["", "https://h.io", false],
  ])("is left out by no_proxy=%s for %s: %s", (no_proxy, url, is_left_out) => {
    for (const name of ["no_proxy", "NO_PROXY"])
      expect(proxied(url, { https_proxy: "http://p:1", [name]: no_proxy }) === undefined).toBe(is_left_out);
  });
});

describe("how far away an address is", () => {
  it.each<readonly [string, Reach]>([
    ["93.184.216.34", "public"],
    ["2606:4700::1", "public"],
    ["10.0.0.1", "private"],
    ["172.31.0.1", "private"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["fd00::1", "private"],
    ["127.0.0.1", "own"],
    ["::1", "own"],
    ["::ffff:127.0.0.1", "own"],
    ["198.51.99.7", "own"],
    ["169.254.169.254", "forbidden"],
    ["100.100.100.200", "forbidden"],
    ["fd00:ec2::254", "forbidden"],
    ["fe80::1", "forbidden"],
    ["0.0.0.0", "forbidden"],
    ["224.0.0.1", "forbidden"],
    ["no address", "forbidden"],
  ])("%s is %s", (address, reach) => {
    expect(reachOf(address, ["198.51.99.7", "fe80::2%eth0"])).toBe(reach);
  });

  it("decides where it may lead", () => {
    const all: Reach[] = ["public", "private", "own", "forbidden"];
    const allowed = all.flatMap((from) => all.filter((to) => mayLeadTo(from, to)).map((to) => `${from}→${to}`));
    expect(allowed).toEqual([
      "public→public",
      "private→public",
      "private→private",
      "own→public",
      "own→private",
      "own→own",
      "forbidden→public",
    ]);
  });

  it("is known of names that always are this machine", () => {
    expect(["localhost", "a.localhost", "[::1]", "10.0.0.1", "h.io"].map(literalAddress)).toEqual([
      "127.0.0.1",
      "127.0.0.1",
      "::1",
      "10.0.0.1",
      undefined,
    ]);
  });
});

describe("challenges", () => {
  it.each([
    [
      'Bearer realm="https://a/t",service="s",scope="x:y z"',
      [["bearer", { realm: "https://a/t", service: "s", scope: "x:y z" }]],
    ],
    [
      'Basic realm="x", Bearer realm="y"',
      [
        ["basic", { realm: "x" }],
        ["bearer", { realm: "y" }],
      ],
    ],
    [
      "Negotiate, Basic",
      [
        ["negotiate", {}],
        ["basic", {}],
      ],
    ],
    ["BEARER REALM=a , service = b", [["bearer", { realm: "a", service: "b" }]]],
    ['Bearer realm="a\\"b",realm="c"', [["bearer", { realm: 'a"b' }]]],
    [
      'Bearer realm="open',
      [
        ["bearer", {}],
        ["realm", {}],
      ],
    ],
    ["", []],
    ['"', []],
  ])("%s", (header, challenges) => {
    expect(readChallenges(header).map(({ scheme, parameters }) => [scheme, parameters])).toEqual(challenges);
  });

  it("are read in time, however they are made", () => {
    for (const text of ['a="'.repeat(10_000), "a ".repeat(20_000), `a ${'b="\\'.repeat(8_000)}`, ",".repeat(40_000)])
      expect(readChallenges(text).length).toBeLessThan(9);
  });
});

describe("pauses", () => {
  it("grow, vary, and end at a minute", () => {
    expect([1, 2, 3, 10].map((tried) => pauseAfter(tried, undefined, 0))).toEqual([250, 500, 1_000, 30_000]);
    expect([1, 2, 3, 10].map((tried) => pauseAfter(tried, undefined, 1))).toEqual([500, 1_000, 2_000, 60_000]);
    expect([pauseAfter(1, 5_000, 0), pauseAfter(1, 1e9, 0)]).toEqual([5_000, 60_000]);
  });

  it.each([
    ["3", 3_000],
    ["Thu, 01 Jan 1970 00:00:09 GMT", 8_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", undefined],
    ["-1", undefined],
    [undefined, undefined],
  ])("that are asked for as %s", (header, ms) => {
    expect(askedPause(header, 1_000)).toBe(ms);
  });
});

it.each(["", "..", "../sh", "a/b", "A", "a b", "a\0", "x".repeat(65)])("%j is no credential program", (name) => {
  expect(locateCredentialProgram(name)).toBeUndefined();
});
