/** What people see: sizes, tables, fields and errors. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { PyroError } from "../contract/errors.ts";
import { errorText } from "./render/index.ts";
import { pairs, size, table } from "./render/values.ts";

afterEach(() => vi.unstubAllEnvs());

describe("values", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1_572_864, "1.5 MiB"],
    [2 ** 40, "1.0 TiB"],
    [2 ** 53, "8192.0 TiB"],
  ])("shows %i bytes as %s", (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it("aligns the columns of a table", () => {
    const rows = [
      ["a", "1"],
      ["longer", "22"],
    ];
    expect(table(["NAME", "N"], rows)).toBe("NAME    N\na       1\nlonger  22\n");
    expect(table(["NAME"], [])).toBe("NAME\n");
  });

  it("shows fields under each other", () => {
    expect(pairs({ text: "a", none: null, list: ["a", "b"], empty: [], map: { k: "v" } })).toBe(
      "text: a\nnone: -\nlist: a b\nempty: -\nmap:\n  k: v\n",
    );
  });
});

describe("errorText", () => {
  const error = new PyroError("boot_timeout", 'no answer from "vm-1"', { cause: new Error("the cause") });

  it("says what happened and what to do, and no more", () => {
    vi.stubEnv("PYRO_DEBUG", "");
    expect(errorText(error)).toBe('pyro: boot_timeout: no answer from "vm-1"\nhint: pyro doctor\n');
  });

  it("shows stack and causes for PYRO_DEBUG=1", () => {
    vi.stubEnv("PYRO_DEBUG", "1");
    expect(errorText(error)).toContain("caused by: Error: the cause");
  });

  it("shows the guest's console where there is one", () => {
    vi.stubEnv("PYRO_DEBUG", "");
    const lost = new PyroError("guest_lost", "gone", { details: { console_tail: "line one\nKernel panic\n" } });
    expect(errorText(lost)).toContain("guest console:\n  line one\n  Kernel panic\nhint:");
  });
});
