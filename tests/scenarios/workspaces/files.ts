/** Single files of a workspace: read, written and listed, strictly below /workspace. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tarOf } from "../../support/tar-maker.ts";
import type { Kit } from "./kit.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Names that a terminal would act on, one that is no UTF-8, and links that lead everywhere. */
const odd = tarOf([
  { name: "new\nline", content: "1" },
  { name: "esc\x1b[31m", content: "2" },
  { name: Buffer.from([0x62, 0xff, 0x64]), content: "3" },
  { name: "-rf", content: "4" },
  { name: "back\\slash.", content: "5" },
  { name: "dir/", type: "5", mode: 0o755 },
  { name: "dir/inner", content: "inner" },
  { name: "links/out", type: "2", link: "/etc/passwd" },
  { name: "links/up", type: "2", link: "../../etc/passwd" },
  { name: "links/zero", type: "2", link: "/dev/zero" },
  { name: "links/memory", type: "2", link: "/proc/kcore" },
  { name: "links/itself", type: "2", link: "itself" },
  { name: "links/good", type: "2", link: "../dir/inner" },
  { name: "links/dir", type: "2", link: "../dir" },
]);

const outside = [
  "../etc/passwd",
  "/etc/passwd",
  "/workspace/../etc/passwd",
  "a/../../etc/x",
  "/workspace2/x",
  "/workspaceX",
];
const literal = ["%2e%2e/etc/passwd", "..\\etc\\passwd", "~", "$HOME", "~/.ssh/id_rsa"];

export function fileScenarios(kit: Kit): void {
  describe("files", () => {
    let workspace_id = "";
    beforeAll(async () => {
      workspace_id = (await kit.create()).workspace_id;
      await kit.pyro.pushWorkspaceSync({ workspace_id, source: kit.file("odd.tar", odd) });
    });
    afterAll(() => kit.pyro.deleteWorkspace({ workspace_id }));
    const readWith = (path: string, more: object) => kit.pyro.readWorkspaceFile({ workspace_id, path, ...more });

    it("are listed with the names that they have", async () => {
      const paths = await kit.paths(workspace_id);
      expect(paths).toEqual(expect.arrayContaining(["new\nline", "esc\x1b[31m", "b\udcffd", "-rf", "back\\slash."]));
      for (const path of ["new\nline", "esc\x1b[31m", "b\udcffd", "-rf", "back\\slash."])
        expect(await kit.read(workspace_id, path)).toMatch(/^\d$/);
      const { entries } = await kit.pyro.listWorkspaceFiles({ workspace_id, path: "links" });
      expect(entries.map(({ artifact_type }) => artifact_type)).toEqual(Array.from({ length: 7 }, () => "symlink"));
      expect(entries.map(({ link_target }) => link_target)).toContain("/etc/passwd");
      await kit.refused(kit.pyro.listWorkspaceFiles({ workspace_id, path: "dir/inner" }), "path_not_directory");
      await kit.refused(kit.pyro.listWorkspaceFiles({ workspace_id, path: "missing" }), "path_not_found");
    });

    it("are read where links stay inside, and nowhere else", async () => {
      expect(await kit.read(workspace_id, "links/good")).toBe("inner");
      expect(await kit.read(workspace_id, "links/dir/inner")).toBe("inner");
      for (const name of ["out", "up", "zero", "memory", "itself"])
        await kit.refused(
          kit.read(workspace_id, `links/${name}`),
          "path_escape",
          "not_a_file",
          "path_not_found",
          "path_not_directory",
        );
      for (const path of outside) await kit.refused(kit.read(workspace_id, path), "path_escape");
      for (const path of literal)
        await kit.refused(kit.read(workspace_id, path), "path_not_found", "path_not_directory");
      for (const path of ["", "a\0b", "x".repeat(5000)])
        await kit.refused(kit.read(workspace_id, path), "invalid_input");
      for (const path of ["dir", "/workspace", ".", "links/dir"])
        await kit.refused(kit.read(workspace_id, path), "not_a_file");
      for (const path of ["//workspace/./dir//inner", "/workspace/dir/inner", "./dir/inner"])
        expect(await kit.read(workspace_id, path)).toBe("inner");
    });

    it("are read in parts, cut between characters, and as bytes where they are no text", async () => {
      await kit.write(workspace_id, "text", "aé€😀z");
      const whole = await readWith("text", {});
      expect(whole).toMatchObject({ content: "aé€😀z", truncated: false, sha256: sha256("aé€😀z"), size_bytes: 11 });
      let text = "";
      for (let offset = 0; offset < 11; ) {
        const part = await readWith("text", { offset, max_bytes: 4 });
        expect(part).toMatchObject({ offset, sha256: null });
        expect(part.bytes_read).toBeGreaterThan(0);
        text += part.content;
        offset += part.bytes_read;
      }
      expect(text).toBe("aé€😀z");
      expect(await readWith("text", { offset: 100 })).toMatchObject({ content: "", truncated: false, bytes_read: 0 });
      for (const bytes of [[0, 1, 2], [0xff], [0x61, 0xff, 0x61, 0x61, 0x61]]) {
        const base64 = Buffer.from(bytes).toString("base64");
        await kit.pyro.writeWorkspaceFile({ workspace_id, path: "bin", text: base64, encoding: "base64" });
        for (const max_bytes of [1, 3, 100].filter((most) => bytes[0] !== 0x61 || most > 1))
          await kit.refused(readWith("bin", { max_bytes }), "file_is_binary");
        expect((await readWith("bin", { encoding: "base64" })).content).toBe(base64);
      }
    });

    it("are written whole, with what lies above them, and only over what was expected", async () => {
      const write = (path: string, text: string, more: object = {}) =>
        kit.pyro.writeWorkspaceFile({ workspace_id, path, text, ...more });
      expect(await write("p/q/r", "1")).toMatchObject({ path: "/workspace/p/q/r", is_new: true, sha256: sha256("1") });
      expect(await write("p/q/r", "2", { if_sha256: sha256("1") })).toMatchObject({ is_new: false, bytes_written: 1 });
      await kit.refused(write("p/q/r", "3", { if_sha256: sha256("1") }), "path_changed");
      await kit.refused(write("p/q/none", "3", { if_sha256: sha256("1") }), "path_changed");
      await kit.refused(write("p/q/r", "3", { if_sha256: "short" }), "invalid_input");
      expect(await kit.read(workspace_id, "p/q/r")).toBe("2");
      expect(await write("empty", "")).toMatchObject({ bytes_written: 0 });
      expect(await kit.read(workspace_id, "empty")).toBe("");
    });

    it("are not written over what is no file, nor through a link, nor outside", async () => {
      const before = await kit.paths(workspace_id);
      await kit.refused(kit.write(workspace_id, "dir", "x"), "not_a_file");
      await kit.refused(kit.write(workspace_id, ".", "x"), "not_a_file");
      await kit.refused(kit.write(workspace_id, "links/good", "x"), "not_a_file");
      await kit.refused(kit.write(workspace_id, "links/out", "x"), "not_a_file");
      for (const path of ["links/dir/new", "links/out/new", "dir/inner/new"])
        await kit.refused(
          kit.write(workspace_id, path, "x"),
          "dest_not_directory",
          "path_escape",
          "path_not_directory",
        );
      for (const path of outside) await kit.refused(kit.write(workspace_id, path, "x"), "path_escape");
      await kit.refused(kit.write(workspace_id, "surrogate", "\ud800"), "invalid_input");
      const text = { workspace_id, path: "no", text: "!", encoding: "base64" } as const;
      await kit.refused(kit.pyro.writeWorkspaceFile(text), "invalid_input");
      await kit.refused(kit.write(workspace_id, `${"n".repeat(256)}`, "x"), "path_too_long", "too_large");
      expect(await kit.paths(workspace_id)).toEqual(before);
      expect(await kit.read(workspace_id, "dir/inner")).toBe("inner");
    });
  });
}
