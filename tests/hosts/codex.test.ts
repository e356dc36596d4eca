/** The real Codex, with workspaces on real virtual machines, and what it permits where nobody can be asked. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hostScenarios, inWorkspace, LAST_WORD } from "./host-scenarios.ts";
import { codex } from "./support/chat-hosts.ts";
import { factsOf } from "./support/facts.ts";

await hostScenarios(codex, (at) => {
  it("lets tools that stay in the sandbox run unasked, and refuses what leaves it", async () => {
    const { place, run } = at();
    const { model } = await run([
      [{ tool: "workspace_create", input: {} }],
      inWorkspace(codex, "workspace_file_write", { path: "new.txt", text: "new\n" }),
      inWorkspace(codex, "workspace_file_list"),
      inWorkspace(codex, "workspace_export", { path: "new.txt", output: "new.txt" }),
      inWorkspace(codex, "workspace_delete"),
      LAST_WORD,
    ]);
    const [, written, listed, exported, deleted] = model.results;
    for (const ran of [written, listed, deleted]) expect(ran && factsOf(codex, ran)).not.toHaveProperty("code");
    expect(exported?.text).toContain("requires approval");
    expect(existsSync(join(place.home, ".local", "share", "pyro", "exports", "new.txt"))).toBe(false);
  });
});
