/** What is large: answers of many MiB come whole, and of directories with more entries than one listing shows (FILE-07) every entry is in one of the parts. */
import { expect, it } from "vitest";
import type { Kit } from "./kit.ts";

const PART = 10_000;
const FILES = 10_050;
const make = `mkdir -p many/deep && cd many && seq -f f%05.0f 1 ${FILES} | xargs touch && touch deep/x "$(printf 'g\\377\\nh')"`;

export function largeScenarios(kit: Kit): void {
  it("text, output and patches of several MiB come and go whole", async () => {
    const text = `${"\u0001 a line of it, é\n".repeat(150_000)}end`;
    await kit.within(async (workspace_id) => {
      await kit.write(workspace_id, "large", text);
      const read = await kit.pyro.readWorkspaceFile({ workspace_id, path: "large", max_bytes: 16 * 1_048_576 });
      expect(read.truncated).toBe(false);
      expect(read.content === text).toBe(true);
      const ran = await kit.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", "cat large; cat large >&2"] });
      expect(ran).toMatchObject({ exit_code: 0, truncated: true });
      for (const output of [ran.stdout, ran.stderr]) expect(output.length).toBeGreaterThan(1_048_576);
      const { patch, truncated } = await kit.pyro.diffWorkspace({ workspace_id, max_patch_bytes: 16 * 1_048_576 });
      expect(truncated).toBe(false);
      await kit.pyro.resetWorkspace({ workspace_id });
      await kit.pyro.applyWorkspacePatch({ workspace_id, patch });
      expect((await kit.pyro.readWorkspaceFile({ workspace_id, path: "large" })).size_bytes).toBe(read.size_bytes);
    });
  });

  it("a directory of more than 10,000 entries is listed in parts", async () => {
    await kit.within(async (workspace_id) => {
      await kit.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", make] });
      const part = (cursor?: string, recursive = false, path = "many") =>
        kit.pyro.listWorkspaceFiles({ workspace_id, path, recursive, cursor });
      const names = ({ entries }: Awaited<ReturnType<typeof part>>) =>
        entries.map(({ path }) => path.replace("/workspace/many/", ""));

      const first = await part();
      expect(first).toMatchObject({ truncated: true, next_cursor: expect.any(String) });
      const second = await part(first.next_cursor ?? "");
      expect(second).toMatchObject({ truncated: false, next_cursor: null });
      const files = Array.from({ length: FILES }, (_, at) => `f${String(at + 1).padStart(5, "0")}`);
      expect(names(first)).toHaveLength(PART);
      expect([...names(first), ...names(second)]).toEqual(["deep", ...files, "g\udcff\nh"]);

      // What the first part ended with may be gone, and what is new behind it is shown.
      const last = names(first).at(-1) ?? "";
      await kit.pyro.execWorkspace({
        workspace_id,
        command: ["sh", "-c", `cd many && rm ${last} && touch ${last}x a`],
      });
      expect(names(await part(first.next_cursor ?? ""))).toEqual([`${last}x`, ...names(second)]);

      const all = await part(undefined, true, "/workspace");
      const rest = await part(all.next_cursor ?? "", true, "/workspace");
      expect(all.entries[0]?.path).toBe("/workspace/many");
      expect(new Set([...names(all), ...names(rest)]).size).toBe(FILES + 5);
      expect(rest.next_cursor).toBeNull();

      for (const cursor of ["Li4", "L2V0Yw", "AA", Buffer.from("deep/x").toString("base64url")])
        await kit.refused(part(cursor), "invalid_input");
      expect((await part(Buffer.from("zzz").toString("base64url"))).entries).toEqual([]);
    });
  });
}
