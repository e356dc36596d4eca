/** Workspaces that begin with a project, written once: fake machines and real ones must keep all of it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine.ts";
import { invoke } from "../../src/operations/invoke.ts";
import { workspaceCreate } from "../../src/operations/workspace/create.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import { type GitServer, makeRepository } from "../support/git-server.ts";

export interface ProjectMachine {
  readonly engine: Engine;
  readonly environment: string;
  /** Directory of the suite's own on this host */
  readonly room: string;
  readonly server: GitServer;
  /** The directory of all workspaces */
  readonly workspaces: string;
}

const REPOSITORY =
  "echo one > a; git add .; git commit -qm one; git tag v1; mkdir d; echo two > d/f; git add .; git commit -qm two; git rev-parse HEAD v1";

/** Registers the scenarios for one kind of machine. */
export function projectScenarios(title: string, machine: () => ProjectMachine): void {
  let pyro: PyroMethods;
  let commits: string[] = [];
  let checkout = "";

  beforeAll(() => {
    const { engine, server, room } = machine();
    pyro = methodsOver(engine);
    commits = makeRepository(server.root, "p.git", REPOSITORY).split("\n");
    checkout = join(room, "project");
    const make = `git init -q '${checkout}'; cd '${checkout}'; git() { command git -c user.name=a -c user.email=a "$@"; }
      echo junk > .gitignore; echo a > a; echo j > junk; git add .; git commit -qm one; echo b > b`;
    execFileSync("/bin/bash", ["-ec", make], { env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" } });
  });

  const environment = () => machine().environment;
  const sh = async (workspace_id: string, script: string) =>
    (await pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script] })).stdout.trim();
  const remove = (workspace_id: string) => pyro.deleteWorkspace({ workspace_id });
  const withProject = (input: object, options: object) => {
    const { engine } = machine();
    const project = engine.openProject(options);
    const context = { engine, signal: new AbortController().signal, emit: () => {}, stdin: undefined, project };
    return invoke(workspaceCreate, { environment: environment(), ...input }, context);
  };

  describe(title, () => {
    it("is a clean clone, in which git works, and goes back to it", async () => {
      const { server, workspaces } = machine();
      const repo_url = server.url("p.git").replace("https://", "https://user:clone-token-1@");
      const { workspace_id, workspace_seed } = await pyro.createWorkspace({ environment: environment(), repo_url });
      expect(workspace_seed).toMatchObject({
        origin_kind: "repo_url",
        origin_ref: server.url("p.git"),
        commit: commits[0],
        dirty: false,
        left_out: {},
        lfs_pointer_count: 0,
      });
      expect(await sh(workspace_id, "git status --porcelain --branch; git log --format=%H; cat d/f")).toBe(
        `## main...origin/main\n${commits[0]}\ntwo`,
      );
      const made = await sh(
        workspace_id,
        "echo x > d/f; git add .; git -c user.name=a -c user.email=a commit -qm x; git log --format=%s",
      );
      expect(made).toBe("x\ntwo");
      const { patch } = await pyro.diffWorkspace({ workspace_id });
      expect(patch).toMatch(/^-two\n\+x$/m);
      expect(await sh(workspace_id, "cat .git/config")).not.toContain("clone-token-1");
      await pyro.resetWorkspace({ workspace_id });
      expect(await sh(workspace_id, "git status --porcelain; git rev-parse HEAD; cat d/f")).toBe(`${commits[0]}\ntwo`);
      expect((await pyro.statusWorkspace({ workspace_id })).workspace_seed).toEqual(workspace_seed);
      const record = join(workspaces, workspace_id, "workspace.json");
      expect(readFileSync(record, "utf8")).not.toContain("clone-token-1");
      await remove(workspace_id);
    });

    it("is at the branch or tag that was asked for", async () => {
      const repo_url = machine().server.url("p.git");
      const made = await pyro.createWorkspace({ environment: environment(), repo_url, repo_ref: "v1" });
      expect(made.workspace_seed.commit).toBe(commits[1]);
      expect(await sh(made.workspace_id, "git describe --tags; ls")).toBe("v1\na");
      await remove(made.workspace_id);
    });

    it("leaves nothing where there is no clone", async () => {
      const { server, workspaces } = machine();
      const before = readdirSync(workspaces);
      for (const [more, code] of [
        [{ repo_url: server.url("none.git") }, "repo_not_found"],
        [{ repo_url: server.url("p.git"), repo_ref: "none" }, "repo_ref_not_found"],
        [{ repo_url: "file:///etc" }, "repo_url_invalid"],
        [{ repo_url: "https://127.0.0.1/x" }, "repo_address_forbidden"],
        [{ repo_url: server.url("p.git"), seed_path: checkout }, "invalid_input"],
        [{ repo_ref: "main" }, "invalid_input"],
      ] as const)
        await expect(pyro.createWorkspace({ environment: environment(), name: "none", ...more })).rejects.toMatchObject(
          { code },
        );
      expect(readdirSync(workspaces)).toEqual(before);
    });

    it("leaves nothing where the clone is cancelled", async () => {
      const { server, workspaces } = machine();
      const before = readdirSync(workspaces);
      const cancel = new AbortController();
      server.answer = () => () => cancel.abort();
      const input = { environment: environment(), repo_url: server.url("p.git") };
      await expect(pyro.createWorkspace(input, { signal: cancel.signal })).rejects.toMatchObject({ code: "cancelled" });
      server.answer = undefined;
      await expect.poll(() => readdirSync(workspaces)).toEqual(before);
      await expect.poll(() => server.connections()).toBe(0);
    });

    it("is the checkout around a server's working directory, unless the call names something else", async () => {
      const found = await withProject({}, { cwd: join(checkout) });
      expect(found.workspace_seed).toMatchObject({
        origin_kind: "git_checkout",
        origin_ref: checkout,
        dirty: true,
        entry_count: 3,
      });
      expect(await sh(found.workspace_id, "ls -A")).toBe(".gitignore\na\nb");
      await remove(found.workspace_id);
      const { server } = machine();
      const cloned = await withProject({}, { cwd: checkout, repo_url: server.url("p.git") });
      expect(cloned.workspace_seed).toMatchObject({ origin_kind: "repo_url", commit: commits[0] });
      await remove(cloned.workspace_id);
      const named = await withProject({ seed_path: join(checkout, "a", "..") }, { repo_url: server.url("p.git") });
      expect(named.workspace_seed).toMatchObject({ origin_kind: "git_checkout", origin_ref: checkout });
      await remove(named.workspace_id);
      const none = await withProject({}, { cwd: checkout, no_project_source: true });
      expect(none.workspace_seed).toMatchObject({ origin_kind: "empty", origin_ref: null });
      await remove(none.workspace_id);
    });

    it("that fails names the way out, and nothing is left", async () => {
      const { server, workspaces } = machine();
      const before = readdirSync(workspaces);
      for (const options of [{ project_path: join(checkout, "gone") }, { repo_url: server.url("none.git") }])
        await expect(withProject({}, options)).rejects.toMatchObject({
          code: "project_source_unusable",
          hint: /--project-path|--no-project-source/,
        });
      expect(readdirSync(workspaces)).toEqual(before);
    });
  });
}
