/** Places to fail at are in test builds alone. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";
import { root } from "./sources.ts";

const demands = (text: string) => text.includes("PYRO_FAIL") || text.includes("failed at");

it("nothing that is released can be told to fail", () => {
  const files = [join(root, "dist"), join(root, "dist/chunks")].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(".js"))
      .map((name) => join(directory, name)),
  );
  expect(files.length).toBeGreaterThan(3);
  expect(files.filter((path) => demands(readFileSync(path, "utf8")))).toEqual([]);
});

it("a test build can", async () => {
  const path = await bundle("src/platform/failpoint.ts", { define: { PYRO_FAILPOINTS: "process.env.PYRO_FAIL" } });
  expect(demands(readFileSync(path, "utf8"))).toBe(true);
  rmSync(dirname(path), { recursive: true });
});
