/** Pushes into a workspace in which a directory turns into a symlink and back without end (SYNC-03): inside, or refused. */
import { expect, it } from "vitest";
import type { Kit } from "./kit.ts";

const MOST_PUSHES = 400;
const LEAST_PUSHES = 60;

/** Flips `d` between a directory and a link to `outside`; what a push puts in its place meanwhile is moved away. */
const flip = `
my ($outside, $n) = ($ARGV[0], 0);
mkdir "d"; symlink $outside, "link";
$| = 1; print "flipping\\n";
while (1) {
  rename "d", "kept"; rename "link", "d"; select undef, undef, undef, 0.0005 if rand() < 0.1;
  rename "d", "link" if -l "d"; rename "kept", "d"; select undef, undef, undef, 0.0005 if rand() < 0.1;
  rename "kept", "old" . $n++ if -d "kept";
  symlink $outside, "link" unless -l "link" or -l "d";
}`;

export function racingScenarios(kit: Kit): void {
  it("a push through a directory that becomes a link while it runs lands inside, or is refused", async () => {
    const source = kit.files("racing", { "deep/f": "pushed", f: "pushed", g: "pushed" });
    const above = kit.files("racing-above", { "d/f": "pushed", "d/deep/f": "pushed", g: "pushed" });
    await kit.within(async (workspace_id) => {
      const run = async (script: string, ...args: string[]) =>
        (await kit.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script, "sh", ...args] })).stdout.trim();
      const outside = await run('cd "$(mktemp -d)" && echo canary >f && pwd');
      const look = () => run('cd "$1" && find . | sort && cat f', outside);
      const before = await look();
      const { sequence } = await kit.pyro.execWorkspace({
        workspace_id,
        command: ["perl", "-e", flip, outside],
        detach: true,
      });
      await kit.pyro.waitWorkspace({ workspace_id, sequence, log: "flipping" });
      const ends = new Map<string, number>();
      const pushes = [
        { source, dest: "d" },
        { source, dest: "d/deep" },
        { source: above, dest: "/workspace" },
      ];
      for (let at = 0; at < MOST_PUSHES && (at < LEAST_PUSHES || ends.size < 2); at += 1) {
        const push = pushes[at % pushes.length] ?? expect.fail();
        const end = await kit.pyro.pushWorkspaceSync({ workspace_id, ...push }).then(
          () => "landed",
          (thrown: { code?: string }) => thrown.code ?? "?",
        );
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }
      expect(await look()).toBe(before);
      const refusals = [
        "dest_not_directory",
        "path_escape",
        "path_changed",
        "path_exists",
        "is_a_directory",
        "path_not_found",
      ];
      expect([...ends.keys()].filter((end) => end !== "landed" && !refusals.includes(end))).toEqual([]);
      // Otherwise nothing was raced.
      expect(ends.size).toBeGreaterThan(1);
      await run('rm -rf "$1"', outside);
    });
  });
}
