/** Git of a real guest at a forge on this host's loopback, over https with a certificate that the guest was told of. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { type GatedHome, openGatedHome } from "../support/gated-home.ts";
import { type GitServer, HOST, openRepository, serveGit } from "../support/git-server.ts";

const scratch = mkdtempSync(join(tmpdir(), "pyro-vm-git-"));
let forge: GitServer;
let home: GatedHome;

beforeAll(async () => {
  openRepository(scratch, "repository.git");
  forge = await serveGit(scratch);
  home = await openGatedHome("git", forge.surroundings().network);
});

afterAll(async () => {
  await home?.close();
  await forge?.close();
  rmSync(scratch, { recursive: true, force: true });
});

it("clones over https, and pushes", async () => {
  const policy = { network_policy: "egress" as const, allow_egress: [`${HOST}:${forge.port}`] };
  const { workspace_id } = await home.pyro.createWorkspace({ environment: ENVIRONMENT, ...policy });
  const run = (script: string) =>
    home.pyro.execWorkspace({ workspace_id, command: ["sh", "-euc", script], timeout_seconds: 120 });
  const clone = `git clone -q ${forge.url("repository.git")} repository`;
  const unknown = await run(clone);
  expect(unknown.stderr).toMatch(/certificate/);
  expect(unknown.outcome?.network_denied).toBeUndefined();
  await home.pyro.writeWorkspaceFile({ workspace_id, path: "forge.pem", text: forge.ca });
  await run("cat forge.pem >>/etc/ssl/certs/ca-certificates.crt");
  expect(await run(`${clone} && cat repository/README`)).toMatchObject({ exit_code: 0, stdout: "from afar\n" });
  const commit = "git -c user.name=guest -c user.email=guest@b commit -qam second";
  const pushed = await run(`cd repository && echo 'from the guest' >README && ${commit} && git push -q origin main`);
  expect(pushed, pushed.stderr).toMatchObject({ exit_code: 0 });
  const at_host = execFileSync("git", ["-C", join(scratch, "repository.git"), "show", "main:README"]);
  expect(at_host.toString()).toBe("from the guest\n");
  expect(await home.pyro.networkInfoVm({ workspace_id })).toMatchObject({ denied_count: 0, failed_count: 0 });
  await home.pyro.deleteWorkspace({ workspace_id });
});
