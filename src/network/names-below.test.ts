/** How many names a guest may connect to under a rule that stands for many (NET-11). */
import { describe, expect, it } from "vitest";
import { NamesBelow } from "./names-below.ts";

function namesBelow(limits: Partial<ConstructorParameters<typeof NamesBelow>[0]> = {}) {
  let time = 0;
  const names = new NamesBelow({ names_below: 1000, names_at_once: 100, names_ms: 60_000, ...limits }, () => time);
  /** How many of so many new names pass */
  let last = 0;
  const passed = (count: number, rule = "*.cdn.com") =>
    Array.from({ length: count }, () => names.note(rule, `n${last++}`)).filter((passes) => passes).length;
  const wait = (ms: number) => {
    time += ms;
  };
  return { names, passed, wait };
}

describe("names under a rule for many (NET-11)", () => {
  it("come at once up to a number, and after that at a rate", () => {
    const { passed, wait } = namesBelow();
    expect(passed(150)).toBe(100);
    wait(599);
    expect(passed(1)).toBe(0);
    wait(1);
    expect(passed(2)).toBe(1);
    wait(30_000);
    expect(passed(100)).toBe(50);
  });

  it("save up no more than come at once", () => {
    const { passed, wait } = namesBelow();
    expect(passed(1)).toBe(1);
    wait(24 * 3_600_000);
    expect(passed(200)).toBe(100);
  });

  it("are so many in all, however slowly they come", () => {
    const { passed, wait } = namesBelow();
    let all = 0;
    for (let minute = 0; minute < 30; minute += 1) {
      all += passed(200);
      wait(60_000);
    }
    expect(all).toBe(1000);
  });

  it("count once each, and a denied one not at all", () => {
    const { names } = namesBelow({ names_at_once: 2 });
    expect(["a", "b", "a", "c", "a", "b", "c"].map((name) => names.note("*.x.com", name))).toEqual([
      ...[true, true, true, false],
      ...[true, true, false],
    ]);
  });

  it("are counted for each rule apart", () => {
    const { passed } = namesBelow({ names_at_once: 2 });
    expect([passed(3, "*.a.com"), passed(3, "*.b.com")]).toEqual([2, 2]);
  });
});
