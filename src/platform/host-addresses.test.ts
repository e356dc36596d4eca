/** This machine's own addresses, and the kernel's tables that they are read from. */
import { describe, expect, it } from "vitest";
import { hostAddresses, interfaceAddresses, localRoutes } from "./host-addresses.ts";

const routes = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.0.2.17
        /32 link BROADCAST
     |-- 203.0.113.9
        /32 host LOCAL
`;

describe("this machine's addresses", () => {
  it("have the loopback among them", () => {
    expect(hostAddresses()).toContain("127.0.0.1");
  });

  it("are those that the kernel's routes call local", () => {
    expect(localRoutes(routes)).toEqual(["127.0.0.1", "203.0.113.9"]);
    expect(localRoutes("")).toEqual([]);
  });

  it("are those of the kernel's interfaces", () => {
    const table = "fe80000000000000021122fffe334455 02 40 20 80     eth0\nrubbish\n";
    expect(interfaceAddresses(table)).toEqual(["fe80:0000:0000:0000:0211:22ff:fe33:4455"]);
  });
});
