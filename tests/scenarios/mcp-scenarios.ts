/** What a chat host does with the MCP server, written once: each machine and each way to connect must serve all of it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Connected } from "../support/mcp.ts";

export interface McpScenario {
  readonly connect: () => Promise<Connected>;
  /** Directory with `answer.sh`, which prints 41, and `test.sh`, which wants 42 */
  readonly seed: string;
  readonly exports: string;
}

export const seedFiles = {
  "answer.sh": "#!/bin/sh\necho 41\n",
  "test.sh": '[ "$(sh answer.sh)" = 42 ] || { echo "want 42" >&2; exit 3; }\n',
} as const;

/** What makes its test pass. */
export const patch = [
  "--- a/answer.sh",
  "+++ b/answer.sh",
  "@@ -1,2 +1,2 @@",
  " #!/bin/sh",
  "-echo 41",
  "+echo 42",
  "",
].join("\n");

/** Registers the loop of reproducing and fixing for one way to connect. */
export function mcpScenarios(title: string, scenario: () => McpScenario): void {
  describe(title, () => {
    it("reproduces a failure, fixes it, shows the fix, exports, resets and deletes", async () => {
      const { connect, seed, exports } = scenario();
      const { call, close } = await connect();
      const created = await call("workspace_create", { seed_path: seed });
      expect(created).toMatchObject({
        isError: false,
        data: { state: "started", workspace_seed: { origin_kind: "directory", entry_count: 2 } },
      });
      const { workspace_id } = created.data;
      const test = { workspace_id, command: ["sh", "test.sh"] };

      const failing = await call("workspace_exec", test);
      expect(failing).toMatchObject({
        isError: false,
        data: { exit_code: 3, stderr: "want 42\n", state: "finished", outcome: { kind: "exited" } },
      });
      expect(failing.text).toContain("exit_code: 3");
      expect(failing.text).toContain("want 42");

      const read = await call("workspace_file_read", { workspace_id, path: "answer.sh" });
      expect(read.data).toMatchObject({ content: seedFiles["answer.sh"], truncated: false });
      expect(await call("workspace_patch_apply", { workspace_id, patch })).toMatchObject({
        isError: false,
        data: { files: [{ path: "answer.sh", status: "modified" }] },
      });
      expect(await call("workspace_exec", test)).toMatchObject({ data: { exit_code: 0 } });

      const diff = await call("workspace_diff", { workspace_id });
      expect(diff.data).toMatchObject({ entry_count: 1, additions: 1, deletions: 1 });
      expect(diff.text).toContain("+echo 42");

      const name = `fix-${String(workspace_id)}/answer.sh`;
      const exported = await call("workspace_export", { workspace_id, path: "answer.sh", output: name });
      expect(exported).toMatchObject({ isError: false, data: { output: join(exports, name) } });
      expect(readFileSync(join(exports, name), "utf8")).toBe("#!/bin/sh\necho 42\n");

      expect(await call("workspace_reset", { workspace_id })).toMatchObject({ data: { reset_count: 1 } });
      expect(await call("workspace_exec", test)).toMatchObject({ data: { exit_code: 3 } });
      expect(readFileSync(join(seed, "answer.sh"), "utf8")).toBe(seedFiles["answer.sh"]);

      expect(await call("workspace_delete", { workspace_id })).toMatchObject({ data: { workspace_id } });
      const gone = await call("workspace_status", { workspace_id });
      expect(gone).toMatchObject({ isError: true, data: { code: "workspace_not_found" } });
      expect(existsSync(join(seed, "answer.sh"))).toBe(true);
      await close();
    });
  });
}
