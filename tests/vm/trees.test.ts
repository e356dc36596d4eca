/** Trees on the disk of a real machine: complete, durable, held still, and nowhere but in the workspace. */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { statePaths } from "../../src/store/paths.ts";
import type { MachineSession } from "../../src/workspaces/session.ts";
import { guestsOf, printed, quiet, SHAPE, withSession } from "../support/guests.ts";
import { file, Tree } from "../support/trees.ts";

const guests = guestsOf(statePaths());
const FILES = 5000;
const content = randomBytes(1 << 20);

function part(at: number): Buffer {
  const start = (at * 977) % 500_000;
  return content.subarray(start, start + 10_486);
}

async function withTree(use: (tree: Tree, session: MachineSession) => Promise<void>): Promise<void> {
  const open = await guests.source.open(SHAPE, quiet);
  await withSession(open, (session) => use(new Tree(session.agent, "/workspace"), session));
}

describe("a machine's workspace", () => {
  beforeAll(() => withTree(async () => {}));

  it("takes 50 MiB in 5,000 files, and shows and gives them back", async () => {
    await withTree(async (tree, session) => {
      const paths = Array.from({ length: FILES }, (_, at) => `dir-${at % 100}/inner/file-${at}`);
      await tree.writeAll(paths.map((path, at) => file(path, part(at))));
      expect(await tree.walk()).toHaveLength(FILES + 200);
      expect(await tree.read(...paths)).toEqual(paths.map((_, at) => part(at).toString()));
      expect(await printed(session, "find /workspace -type f | wc -l; find / -xdev -name '*staging*' | wc -l")).toBe(
        "5000\n0\n",
      );
      await tree.writeAll(paths.map((path, at) => file(path, `${at}`)));
      expect(
        await printed(session, "cat /workspace/dir-7/inner/file-4207; stat -c %a:%u /workspace/dir-7/inner/file-4207"),
      ).toBe("4207644:0\n");
    });
  });

  it("holds still until it is let go, and no longer than its deadline", async () => {
    await withTree(async (tree, { agent }) => {
      const call = { deadline_ms: 30_000 };
      const began = performance.now();
      await agent.call("freeze", { deadline_ms: 1500 }, call);
      const written = tree.write(file("a", "x")).then(() => performance.now() - began);
      expect(await tree.read("a")).toEqual(["path_not_found"]);
      expect(await written).toBeGreaterThan(1400);
      await expect(agent.call("thaw", {}, call)).rejects.toMatchObject({ details: { agent_code: "wrong_state" } });
      await agent.call("freeze", { deadline_ms: 30_000 }, call);
      await agent.call("thaw", {}, call);
      await tree.write(file("b", "y"));
      expect(await tree.read("a", "b")).toEqual(["x", "y"]);
    });
  });

  it("is the disk's, whatever the guest puts in its place", async () => {
    await withTree(async (tree, session) => {
      await tree.write(file("a", "x"));
      await printed(session, "mkdir /workspace/m; mount -t tmpfs none /workspace/m; echo hidden > /workspace/m/file");
      expect((await tree.walk()).map(({ path }) => path)).toEqual(["a", "m"]);
      await printed(session, "cd /; umount -l /workspace; rmdir /workspace; ln -s /etc /workspace");
      await expect(tree.write(file("passwd", "x"))).rejects.toMatchObject({ code: "dest_not_directory" });
      await expect(tree.walk()).rejects.toMatchObject({ code: "dest_not_directory" });
    });
  });
});
