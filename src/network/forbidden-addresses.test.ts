/** What is no public address: a test for each range, at its edges, and for every spelling of one of them. */
import { describe, expect, it } from "vitest";
import { forbiddenRanges, forbiddenReason } from "./forbidden-addresses.ts";
import { type IpAddress, readAddress, readInetAton, showAddress } from "./ip-address.ts";

function address(text: string): IpAddress {
  const read = readAddress(text);
  if (read === undefined) throw new Error(`"${text}" is no address`);
  return read;
}

const reason = (text: string, own: readonly string[] = []) => forbiddenReason(address(text), own.map(address));

/** The first and the last address of a range. */
function edges(range: string): string[] {
  const [base = "", bits = ""] = range.split("/");
  const first = address(base);
  const fixed = Number(bits) + (base.includes(":") ? 0 : 96);
  const last = first.map((byte, at) => byte | (0xff >> Math.max(0, Math.min(8, fixed - 8 * at))));
  return [showAddress(first), showAddress(last)];
}

describe("a forbidden address", () => {
  it.each(forbiddenRanges)("is the first and the last of %s", (range) => {
    for (const edge of edges(range)) expect(reason(edge), edge).toBeTypeOf("string");
  });

  it("has all the ranges of the list", () => {
    expect(forbiddenRanges).toHaveLength(30);
  });

  it.each([
    ["dotted", "169.254.169.254"],
    ["mapped", "::ffff:a9fe:a9fe"],
    ["mapped and dotted", "::ffff:169.254.169.254"],
    ["NAT64", "64:ff9b::a9fe:a9fe"],
    ["NAT64 and dotted", "64:ff9b::169.254.169.254"],
    ["local NAT64", "64:ff9b:1::a9fe:a9fe"],
    ["6to4", "2002:a9fe:a9fe::"],
    ["6to4 with a host", "2002:a9fe:a9fe::1"],
    ["compatible", "::a9fe:a9fe"],
    ["Teredo", "2001:0:a9fe:a9fe::5601:5601"],
    ["Amazon's IPv6", "fd00:ec2::254"],
    ["Alibaba's", "100.100.100.200"],
    ["Azure's", "168.63.129.16"],
    ["a site-local one", "fec0::1"],
    ["NAT64 of loopback", "64:ff9b::7f00:1"],
    ["6to4 of a private one", "2002:0a00:0001::"],
    ["an address that nobody gives out", "4000::1"],
  ])("is the metadata server or its like, %s (NET-17)", (_, text) => {
    expect(reason(text)).toBeTypeOf("string");
  });

  it.each([
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "025177524776",
    "0xa9.0376.43518",
    "169.254.43518",
    "0251.254.0xa9.254",
  ])("is read from %s as a program would (NET-17)", (text) => {
    const read = readInetAton(text);
    expect(read && showAddress(read)).toBe("169.254.169.254");
  });

  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "169.253.0.1",
    "11.0.0.0",
    "223.255.255.255",
    "168.63.129.17",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2001:200::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
  ])("is not %s", (text) => {
    expect(reason(text)).toBeUndefined();
  });

  it("is every address of this machine, also carried in another one (NET-09)", () => {
    const own = ["8.8.4.4", "2606:4700::42"];
    for (const text of ["8.8.4.4", "::ffff:8.8.4.4", "64:ff9b::808:404", "2002:808:404::", "2606:4700::42"])
      expect(reason(text, own), text).toBe("this machine");
    expect(reason("8.8.4.5", own)).toBeUndefined();
  });
});

describe("an address in text", () => {
  it.each([
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["1::", "1::"],
    ["::1", "::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["0.0.0.0", "0.0.0.0"],
  ])("%s is shown as %s", (text, shown) => {
    expect(showAddress(address(text))).toBe(shown);
  });

  it.each([
    ":",
    ":::",
    "1:2",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "12345::",
    "g::",
    "::1.2.3",
    "1.2.3.4::",
    "::1%eth0",
    "[::1]",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.256",
    "1.2.3.4 ",
    "",
  ])("%j is none", (text) => {
    expect(readAddress(text)).toBeUndefined();
  });

  it.each(["1.2.3.4.5", "256.1.1.1", "1.2.3.256", "1.2.65536", "4294967296", "08", "1..2", "", "0x1g", "1.2.3.0xff1"])(
    "%j is none in any of the old spellings",
    (text) => {
      expect(readInetAton(text)).toBeUndefined();
    },
  );
});
