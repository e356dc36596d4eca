/** The patch of random edits: `git apply` and our own make of the seed what is in the guest, on the fake machine. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentClient } from "../../src/wire/client.ts";
import { describeTree } from "../../src/workspaces/diff/known.ts";
import { applyPatch } from "../../src/workspaces/patch/apply.ts";
import { DiffPlace } from "../support/diff-place.ts";
import { withFakeAgent } from "../support/fake-agent.ts";
import { editModel, entriesOf, type ModelNode, readModel, shown, writeModel } from "../support/file-model.ts";
import { randomPrograms } from "../support/random-edits.ts";
import { seeded } from "../support/random-tree.ts";
import { watchedAgent } from "../support/watched-agent.ts";

/** Programs of edits in one tree */
const PROGRAMS = 50;

let agent: AgentClient;
let place: DiffPlace;

withFakeAgent((made) => {
  agent = made;
});
beforeEach(() => {
  place = new DiffPlace();
});
afterEach(() => place.remove());

describe("the patch of random edits", () => {
  it.each([1, 2, 3, 4, 5])("makes of the seed what is in the guest, by git apply, round %i", async (round) => {
    const { before, after } = randomPrograms(seeded(1000 + round), PROGRAMS, { binary: true, links: true });
    writeModel(place.tree, after);
    const result = await place.diff(agent, await place.seed(entriesOf(before)), { max_patch_bytes: 10_000_000 });
    expect(result.not_in_patch.filter(({ reason }) => reason !== "empty_directory")).toEqual([]);
    expect(shown(place.applied(result.patch, before))).toEqual(shown(after));
    const paths = new Set([...before.keys(), ...after.keys()]);
    const differing = [...paths].filter((path) => !isSame(before.get(path), after.get(path)));
    expect(result.entries.map(({ path }) => path).sort()).toEqual(differing.sort());
  });

  it.each([1, 2, 3])("is the same where directories that are as they were are not listed, round %i", async (round) => {
    const { before, after } = randomPrograms(seeded(2000 + round), PROGRAMS, { binary: true, links: true });
    const below = seeded(round);
    writeModel(place.tree, before);
    const baseline = await place.seed(entriesOf(before));
    const { signal } = new AbortController();
    const known = await describeTree(place.guest(agent), signal);
    const same: string[] = [];
    const counting = watchedAgent(agent, (method) => void same.push(method));
    expect(await place.diff(counting, baseline, known)).toMatchObject({
      entries: [],
      patch: "",
      stamps_improved: false,
    });
    expect(same).toEqual(["walk"]);
    // Some of the edits, so that other directories stay as they are.
    for (const path of new Set([...before.keys(), ...after.keys()]))
      if (below(4) === 0) editModel(place.tree, path, after.get(path));
    const [plain, quick] = [await place.diff(agent, baseline), await place.diff(agent, baseline, known)];
    const { stamps: _, stamps_improved: __, ...wanted } = plain;
    expect(quick).toMatchObject(wanted);
    expect(wanted.entry_count).toBeGreaterThan(5);
  });

  it.each([1, 2])("makes it by our own, and not twice, round %i", async (round) => {
    const { before, after } = randomPrograms(seeded(round), PROGRAMS, { binary: false, links: false });
    writeModel(place.tree, after);
    const baseline = await place.seed(entriesOf(before));
    const { patch } = await place.diff(agent, baseline, { binary: false, max_patch_bytes: 10_000_000 });
    const home = realpathSync(mkdtempSync(join(tmpdir(), "pyro-patch-")));
    try {
      const root = join(home, "tree");
      mkdirSync(root);
      writeModel(root, before);
      const request = { tree: { agent, root, deadline_ms: 10_000 }, patch, signal: new AbortController().signal };
      await applyPatch(request);
      expect(shown(readModel(root))).toEqual(shown(after));
      await expect(applyPatch(request)).rejects.toMatchObject({ code: "patch_already_applied" });
      expect(shown(readModel(root))).toEqual(shown(after));
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

function isSame(one: ModelNode | undefined, other: ModelNode | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.kind === other.kind && one.mode === other.mode && one.content.equals(other.content);
}
