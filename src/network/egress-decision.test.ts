/** Decisions by name, port and rules alone: what is a host, what is a rule, and which of them fit. */
import { describe, expect, it } from "vitest";
import { PyroError } from "../contract/errors.ts";
import { decideConnection, decideName, denialRules, denied, MAX_STAR_CHARS } from "./egress-decision.ts";
import { egressRule, egressRules, MAX_RULES } from "./egress-rules.ts";
import { readHost, showHost } from "./host-name.ts";

const listed = (...allow_egress: string[]) => egressRules({ network_policy: "egress", allow_egress });
const open = egressRules({ network_policy: "egress", allow_egress: [] });

function verdict(rules: ReturnType<typeof listed>, host: string, port = 443): string {
  const decision = decideConnection(rules, host, port);
  return decision.verdict === "allowed" ? `allowed by ${decision.rule}` : decision.rule;
}

describe("a host", () => {
  it.each([
    "evil.com\0.github.com",
    "github.com\0",
    "github.com\r\nX: y",
    "a b.com",
    "a\t.com",
    "a%00.com",
    "%2e",
    "a@b.com",
    "a#b",
    "a\\b",
    "a/b",
    "bücher.de",
    "ｅxample.com",
    "ⓖithub.com",
    "\u212aernel.org",
    "①②⑦.com",
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "a.com..",
    "-a.com",
    "a-.com",
    "a.-b.com",
    "a*b.com",
    "*",
    "*.com",
    `${"a".repeat(64)}.com`,
    `${"a.".repeat(130)}com`,
    "1.2.3.4.5",
    "256.256.256.256",
    "example.08",
    "example.0x7f",
    "[1.2.3.4]",
    "[::1",
    "::1]",
    "[::1]:80",
    "fe80::1%eth0",
    "a:b",
  ])("is not %j, whatever the rules (NET-02, NET-03)", (host) => {
    expect(readHost(host)).toBeUndefined();
    for (const rules of [open, listed("github.com", "*.github.com")]) {
      expect(verdict(rules, host)).toBe("bad_host");
      expect(decideName(rules, host)).toMatchObject({ verdict: "denied", rule: "bad_host" });
    }
  });

  it.each([
    ["GitHub.COM", "github.com"],
    ["github.com.", "github.com"],
    ["xn--bcher-kva.de", "xn--bcher-kva.de"],
    ["a", "a"],
    ["1.2.3.com", "1.2.3.com"],
    [`${"a".repeat(63)}.com`, `${"a".repeat(63)}.com`],
    [`${"a.".repeat(126)}a`, `${"a.".repeat(126)}a`],
  ])("%s is the name %s", (text, name) => {
    expect(readHost(text)).toMatchObject({ kind: "name", name });
  });

  it.each([
    "127.0.0.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f.1",
    "127.1",
    "0177.0.0.01",
    "0x7F000001",
    "::ffff:127.0.0.1",
    "[::ffff:7f00:1]",
  ])("%s is the loopback's address (NET-09)", (text) => {
    expect(readHost(text)).toMatchObject({ kind: "address", name: "127.0.0.1" });
    expect(verdict(open, text)).toBe("address_not_listed");
    expect(verdict(listed("example.com"), text)).toBe("address_not_listed");
  });

  it("is shown without what would act on a terminal", () => {
    expect(showHost("a\0b\x1b[31m\u0000é")).toBe("a\\x00b\\x1b[31m\\x00\\xe9");
    expect(showHost("a".repeat(1000))).toHaveLength(253);
  });
});

describe("a rule", () => {
  it.each([
    "",
    "*",
    "*.",
    "*.com",
    "*.com.",
    "**",
    "**.a.com",
    "a.*.com",
    "*a.com",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/8",
    "::/0",
    "a b",
    "a\tb",
    "a\0b",
    "a\r\nb",
    "a%2e",
    "a@b",
    "a#b",
    "a\\b",
    "bücher.de",
    "a:",
    "a:0",
    "a:65536",
    "a:-1",
    "a:080",
    "a:x",
    "a:443:443",
    "::1",
    "[::1",
    "[]",
    "[]:80",
    "127.1",
    "0x7f.0.0.1",
    "010.1.1.1",
    "*.1.2.3.4",
    "*.[::1]",
    "[1.2.3.4]",
    "[example.com]",
    "https://example.com",
    "https:",
    "a..b",
    "-a.com",
    "x".repeat(301),
  ])("is not %j (NET-06)", (text) => {
    expect(() => egressRule(text)).toThrow(PyroError);
    expect(() => listed("example.com", text)).toThrow(expect.objectContaining({ code: "invalid_input" }));
  });

  it("is not one of too many, and not one of a network that is off", () => {
    const texts = Array.from({ length: MAX_RULES + 1 }, (_, at) => `a${at}.com`);
    expect(() => listed(...texts)).toThrow("more than 256");
    expect(listed(...texts.slice(1))).toMatchObject({ kind: "listed" });
    expect(() => egressRules({ network_policy: "off", allow_egress: ["a.com"] })).toThrow("off");
  });

  it("has the ports for the web where it names none (NET-21)", () => {
    for (const port of [443, 80]) expect(verdict(listed("a.com"), "a.com", port)).toBe("allowed by a.com");
    for (const port of [22, 25, 6379, 8443]) expect(verdict(listed("a.com"), "a.com", port)).toBe("port_not_listed");
    expect(verdict(listed("a.com:8443"), "a.com", 8443)).toBe("allowed by a.com:8443");
    expect(verdict(listed("a.com:8443"), "a.com", 443)).toBe("port_not_listed");
    expect(verdict(listed("a.com", "a.com:22"), "a.com", 22)).toBe("allowed by a.com:22");
  });

  it.each([
    ["github.com", "notgithub.com", "not_listed"],
    ["github.com", "github.com.evil.com", "not_listed"],
    ["github.com", "x.github.com", "not_listed"],
    ["github.com", "GITHUB.com.", "allowed by github.com"],
    ["*.github.com", "github.com", "not_listed"],
    ["*.github.com", "x.github.com", "allowed by *.github.com"],
    ["*.github.com", "y.x.github.com", "allowed by *.github.com"],
    ["*.github.com", "xgithub.com", "not_listed"],
    ["*.GitHub.com.:22", "x.github.com", "port_not_listed"],
    ["8.8.8.8", "8.8.8.8", "allowed by 8.8.8.8"],
    ["8.8.8.8", "134744072", "allowed by 8.8.8.8"],
    ["8.8.8.8", "8.8.4.4", "address_not_listed"],
    ["[2606:4700::1]", "2606:4700:0::1", "allowed by [2606:4700::1]"],
    ["*.a_b.com", "x.a_b.com", "bad_host"],
    ["x_y.a.com", "x_y.a.com", "allowed by x_y.a.com"],
    ["*.a.com", "x_y.a.com", "bad_host"],
  ])("%s makes %s %s (NET-05)", (rule, host, expected) => {
    expect(verdict(listed(rule), host)).toBe(expected);
  });

  it("for many names is for names, not for messages (NET-11)", () => {
    const rules = listed("*.cdn.com");
    expect(verdict(rules, `${"a".repeat(60)}.${"b".repeat(39)}.cdn.com`)).toBe("allowed by *.cdn.com");
    expect(verdict(rules, `${"a".repeat(60)}.${"b".repeat(MAX_STAR_CHARS - 60)}.cdn.com`)).toBe("not_listed");
  });

  it("that is missing leaves every public name, on every port, and no address", () => {
    for (const port of [443, 22, 6379]) expect(verdict(open, "a.com", port)).toBe("allowed by public");
    expect(verdict(open, "8.8.8.8")).toBe("address_not_listed");
    expect(verdict(open, "a_b.com")).toBe("bad_host");
  });

  it("that is missing from a network that is off leaves nothing (NET-01)", () => {
    const off = egressRules({ network_policy: "off", allow_egress: [] });
    expect(verdict(off, "a.com")).toBe("network_off");
    expect(decideName(off, "a.com")).toMatchObject({ rule: "network_off" });
  });

  it("lets a name be looked up that it allows on some port", () => {
    expect(decideName(listed("a.com:22"), "a.com").verdict).toBe("allowed");
    expect(decideName(listed("a.com:22"), "b.com").verdict).toBe("denied");
  });
});

describe("a denial", () => {
  it.each(denialRules)("%s says what to type", (rule) => {
    expect(denied("a.com", 8443, rule).hint).toMatch(/pyro workspace (create|sync|network)/);
  });

  it("names the rule that would allow it", () => {
    expect(decideConnection(listed("b.com"), "a.com", 8443)).toMatchObject({
      hint: "pyro workspace create … --network-policy egress --allow-egress a.com:8443",
    });
    expect(denied("2606:4700::1", 22, "address_not_listed").hint).toContain("--allow-egress [2606:4700::1]:22");
    expect(denied("a.com", null, "not_listed").hint).toContain("--allow-egress a.com");
  });
});

describe("any bytes for a host", () => {
  it("are a plain name that a rule has, or denied", () => {
    const rules = listed("github.com", "*.cdn.com", "8.8.8.8");
    const pieces = [
      "github.com",
      ".cdn.com",
      "a",
      ".",
      "\0",
      "8.8.8.8",
      "-",
      "%",
      "\r\n",
      " ",
      "\u212a",
      "é",
      "0x8",
      ":",
      "[",
      "]",
      "_",
      "@",
      "com",
    ];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    let allowed = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const host = Array.from({ length: 1 + random(5) }, () => pieces[random(pieces.length)]).join("");
      const decision = decideConnection(rules, host, 443);
      if (decision.verdict === "denied") continue;
      allowed += 1;
      expect(decision.host.name, JSON.stringify(host)).toMatch(/^(github\.com|([a-z0-9-]+\.)+cdn\.com|8\.8\.8\.8)$/);
    }
    expect(allowed).toBeGreaterThan(100);
  });
});
