/** What a workspace is expected to take, and when there is room for it. */
import { describe, expect, it } from "vitest";
import { admit, expectedMib } from "./admission.ts";

const guest = (mem_mib: number) => ({ mem_mib, is_host_compat: false });
const MIB = 1_048_576;

describe("a workspace", () => {
  it.each([
    [128, 192],
    [256, 320],
    [1024, 320],
    [2048, 576],
    [16_384, 4160],
  ])("of %i MiB is expected to take %i MiB", (mem_mib, expected) => {
    expect(expectedMib(guest(mem_mib))).toBe(expected);
  });

  it("on the host's own kernel has no guest's memory", () => {
    expect(expectedMib({ mem_mib: 1024, is_host_compat: true })).toBe(64);
  });

  it("is admitted where it fits to the last MiB, with those that are beginning and what the host keeps", () => {
    const beginning = [guest(1024), guest(2048)];
    const needed = 320 + 320 + 576 + 256;
    admit(guest(1024), beginning, needed * MIB);
    expect(() => admit(guest(1024), beginning, needed * MIB - 1)).toThrow(
      expect.objectContaining({
        code: "insufficient_memory",
        details: { needed_mib: needed, available_mib: needed - 1 },
      }),
    );
    expect(() => admit(guest(1024), [], 0)).toThrow("0 MiB are available");
  });

  it("is admitted where nobody knows what there is", () => admit(guest(1024), [], undefined));
});
