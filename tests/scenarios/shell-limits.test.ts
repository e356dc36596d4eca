/** Many shells, and one that prints without an end: what a workspace's keeper holds of them stays bounded. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";

const MIB = 1_048_576;
let fake: FakeWorkspaces;
let workspace_id: string;

beforeAll(async () => {
  fake = openFakeWorkspaces();
  ({ workspace_id } = await fake.pyro.createWorkspace({ environment: "debian:12" }));
});
afterAll(() => fake.close());

it("64 are open at once, and 16 ended ones can be read", async () => {
  const { pyro } = fake;
  const opened = await Promise.all(Array.from({ length: 64 }, () => pyro.openShell({ workspace_id })));
  await expect(pyro.openShell({ workspace_id })).rejects.toMatchObject({ code: "too_many_shells" });
  await Promise.all(opened.map(({ shell_id }) => pyro.closeShell({ workspace_id, shell_id })));
  const last = await pyro.openShell({ workspace_id });
  const { shells } = await pyro.listShells({ workspace_id });
  expect(shells.map(({ shell_id }) => shell_id)).toEqual([
    ...opened.slice(-16).map(({ shell_id }) => shell_id),
    last.shell_id,
  ]);
  await pyro.closeShell({ workspace_id, shell_id: last.shell_id });
});

it("100 MB behind a sequence that does not end cost little memory, and are text", async () => {
  const { pyro } = fake;
  const { shell_id } = await pyro.openShell({ workspace_id });
  const shell = { workspace_id, shell_id };
  const script =
    "printf '\\e]52;c;'; yes 0123456789012345678901234567890123456789 | head -c 100000000; echo; echo o''ver";
  const before = process.memoryUsage().rss;
  await pyro.writeShell({ ...shell, input: script });
  let seen = "";
  let most = 0;
  while (!seen.includes("over")) {
    await delay(50);
    most = Math.max(most, process.memoryUsage().rss - before);
    const { cursor } = await pyro.readShell({ ...shell, cursor: Number.MAX_SAFE_INTEGER });
    seen = (await pyro.readShell({ ...shell, cursor: Math.max(0, cursor - 200) })).output;
  }
  expect(most).toBeLessThan(128 * MIB);
  const { output, truncated } = await pyro.readShell({ ...shell, plain: true });
  expect(truncated).toBe(true);
  expect(output.split("\n").at(-1)).toBe(
    "0123456789012345678901234567890123456789".slice(0, output.split("\n").at(-1)?.length),
  );
}, 180_000);
