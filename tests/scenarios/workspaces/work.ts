/** Work in a workspace: commands, what they leave behind, what is said of it, and the way back. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { OperationEvent } from "../../../src/contract/progress.ts";
import type { Kit } from "./kit.ts";

const shell = (script: string) => ["sh", "-c", script];

export function workScenarios(kit: Kit): void {
  const exec = (workspace_id: string, script: string, more: object = {}) =>
    kit.pyro.execWorkspace({ workspace_id, command: shell(script), timeout_seconds: 60, ...more });

  describe("work in a workspace", () => {
    it("streams, takes input, and says how it ended", async () => {
      await kit.within(async (workspace_id) => {
        const seen: string[] = [];
        const onEvent = (event: OperationEvent) => {
          if ("data" in event) seen.push(Buffer.from(event.data).toString());
        };
        const first = await kit.pyro.execWorkspace(
          { workspace_id, command: shell("cat; echo err >&2; exit 7") },
          { stdin: Readable.from(["given"]), onEvent },
        );
        expect(first).toMatchObject({ sequence: 1, state: "finished", exit_code: 7, stdout: "given", stderr: "err\n" });
        expect(first.outcome).toMatchObject({ kind: "exited", retry_safe: false });
        expect(seen.join("")).toContain("given");
        const late = await exec(workspace_id, "echo begun; sleep 60", { timeout_seconds: 1 });
        expect(late).toMatchObject({ timed_out: true, exit_code: 124, stdout: "begun\n" });
        expect(late.outcome?.kind).toBe("timeout");
        await kit.refused(kit.pyro.execWorkspace({ workspace_id, command: ["no-such-program"] }), "command_not_found");
        expect((await kit.pyro.statusWorkspace({ workspace_id })).command_count).toBe(3);
      });
    });

    it("goes on detached, is waited for, and found again after a stop", async () => {
      await kit.within(async (workspace_id) => {
        const { sequence, state } = await exec(workspace_id, "sleep 1; echo ready; sleep 1; echo over", {
          detach: true,
        });
        expect(state).toBe("running");
        const line = await kit.pyro.waitWorkspace({ workspace_id, log: "^ready$", timeout_seconds: 30 });
        expect(line).toMatchObject({ reason: "matched", sequence, output: expect.stringContaining("ready") });
        const end = await kit.pyro.waitWorkspace({ workspace_id, sequence, timeout_seconds: 30 });
        expect(end).toMatchObject({ reason: "matched", state: "finished", exit_code: 0 });
        await kit.pyro.stopWorkspace({ workspace_id });
        const logs = await kit.pyro.logsWorkspace({ workspace_id, sequence });
        expect(logs.output).toBe("ready\nover\n");
        expect((await kit.pyro.summarizeWorkspace({ workspace_id })).diff).toBeNull();
      });
    });

    it("shows as a patch that git applies to a copy of the seed", async () => {
      const seed = kit.files("work-seed", { "a.txt": "one\ntwo\n", "b/c.txt": "c\n", "gone.txt": "gone\n" });
      await kit.within(
        async (workspace_id) => {
          await exec(workspace_id, "echo three >>a.txt; rm gone.txt; mkdir -p d/e; echo new >d/e/f; chmod +x b/c.txt");
          const diff = await kit.pyro.diffWorkspace({ workspace_id, binary: true });
          const statuses = diff.entries.map(({ path, status }) => `${status} ${path}`).sort();
          expect(statuses).toEqual(["added d/e/f", "deleted gone.txt", "modified a.txt", "modified b/c.txt"]);
          const copy = join(kit.room, "work-copy");
          mkdirSync(copy);
          cpSync(seed, copy, { recursive: true });
          execFileSync("git", ["apply", "--binary", "-"], { cwd: copy, input: diff.patch });
          expect(readFileSync(join(copy, "a.txt"), "utf8")).toBe("one\ntwo\nthree\n");
          expect(readFileSync(join(copy, "d/e/f"), "utf8")).toBe("new\n");
          const summary = await kit.pyro.summarizeWorkspace({ workspace_id });
          expect(summary).toMatchObject({ command_count: 1, diff: { entry_count: 4, additions: 2, deletions: 1 } });
          await kit.pyro.resetWorkspace({ workspace_id });
          expect(await kit.pyro.diffWorkspace({ workspace_id })).toMatchObject({ entry_count: 0, patch: "" });
          expect((await kit.pyro.logsWorkspace({ workspace_id })).commands).toEqual([]);
          const { files } = await kit.pyro.applyWorkspacePatch({ workspace_id, patch: diff.patch });
          expect(files).toHaveLength(4);
          expect((await kit.pyro.diffWorkspace({ workspace_id, binary: true })).patch).toBe(diff.patch);
        },
        { seed_path: seed },
      );
    });

    it("is cancelled by a reset, and its caller is told", async () => {
      await kit.within(async (workspace_id) => {
        const running = exec(workspace_id, "echo begun; sleep 60");
        await kit.pyro.waitWorkspace({ workspace_id, log: "begun", timeout_seconds: 30 });
        await kit.pyro.resetWorkspace({ workspace_id });
        expect((await running).outcome).toMatchObject({ kind: "cancelled", detail: expect.stringContaining("reset") });
      });
    });

    it("does not fit where the patch says", async () => {
      await kit.within(async (workspace_id) => {
        await kit.write(workspace_id, "x", "one\n");
        const patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-two\n+three\n";
        await kit.refused(kit.pyro.applyWorkspacePatch({ workspace_id, patch }), "patch_does_not_fit");
        expect(await kit.read(workspace_id, "x")).toBe("one\n");
      });
    });
  });
}
