/** Directories that turn into symlinks while they are read or written: what is outside is neither read nor written. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundle } from "../../../tests/support/bundle.ts";
import { collect, entry, inPlace, stream } from "../../../tests/support/tree-oracle.ts";
import { toPyroError } from "../../contract/errors.ts";
import { statePaths } from "../../store/paths.ts";
import { openSeed } from "../seed/open.ts";
import { exportTree } from "./export.ts";

const ROUNDS = 1_000;
let swapper: string;

beforeAll(async () => {
  swapper = await bundle("tests/support/swap-directory.ts");
}, 30_000);

afterAll(() => rmSync(join(swapper, ".."), { recursive: true }));

async function whileSwapping(parent: string, name: string, target: string, action: () => Promise<void>): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [swapper, parent, name, target], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  try {
    await action();
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

it("a seed never has what is outside", async () => {
  await inPlace(async ({ inside, outside }) => {
    const tree = join(inside, "tree");
    mkdirSync(join(tree, "d/canary.d"), { recursive: true });
    writeFileSync(join(tree, "d/canary"), "inside");
    const paths = statePaths({ PYRO_HOME: join(inside, "home") });
    paths.prepareCache();
    await whileSwapping(tree, "d", outside, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const entries = await collect((await openSeed(tree, { paths, env: {} })).entries);
        expect(entries.filter(({ text }) => text === "untouched")).toEqual([]);
      }
    });
  });
}, 60_000);

it("an export never writes what is outside", async () => {
  await inPlace(async ({ inside, outside }) => {
    const ends = new Set<string>();
    // Turn about, so that the directory is opened anew for each.
    const files = Array.from({ length: 200 }, (_, at) =>
      entry(`${at % 2 === 0 ? "d" : "e"}/f${at}`, "file", { text: "x" }),
    );
    const entries = [entry("d", "directory"), entry("e", "directory"), ...files];
    await whileSwapping(join(inside, ".pyro-export-*", "made"), "d", outside, async () => {
      for (let round = 0; round < 10; round += 1) {
        try {
          await exportTree(stream(entries), join(inside, `out${round}`));
          ends.add("written");
        } catch (thrown) {
          ends.add(toPyroError(thrown).code);
        }
        expect(readdirSync(outside)).toEqual(["canary"]);
      }
    });
    await exportTree(stream([]), join(inside, "last"));
    for (const end of ends)
      expect(["written", "host_io_failed", "output_not_writable", "name_collision"]).toContain(end);
  });
}, 60_000);
