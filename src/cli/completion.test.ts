/** What a shell offers for each beginning of a command line. */
import { describe, expect, it } from "vitest";
import { completionScript, completionShells, completions } from "./completion.ts";
import { buildProgram } from "./program.ts";

const program = buildProgram(async () => {}, undefined);
const known = {
  environments: async () => ["debian:12", "debian:12-base"],
  workspaces: () => ["fix", "ws-0123456789ab"],
  services: async (workspace: string) => [`web-of-${workspace}`],
  snapshots: async (workspace: string) => ["baseline", `of-${workspace}`],
  shells: async (workspace: string) => [`sh-${workspace}`],
};
const offered = (...words: string[]) => completions(program, words, known);

describe("completion", () => {
  it("offers commands, then what they take", async () => {
    expect(await offered("work")).toEqual(["workspace"]);
    expect(await offered("workspace", "sta")).toEqual(["status", "start"]);
    expect(await offered("workspace", "snapshot", "d")).toEqual(["delete"]);
    expect(await offered("workspace", "shell", "read", "fix", "")).toEqual(["sh-fix"]);
    expect(await offered("workspace", "create", "")).toEqual(["debian:12", "debian:12-base"]);
    expect(await offered("workspace", "status", "f")).toEqual(["fix"]);
    expect(await offered("workspace", "snapshot", "delete", "fix", "")).toEqual(["baseline", "of-fix"]);
  });

  it("offers flags and their choices, and passes over what flags take", async () => {
    expect(await offered("workspace", "create", "debian:12", "--network")).toEqual(["--network-policy"]);
    expect(await offered("workspace", "create", "--network-policy", "o")).toEqual(["off"]);
    expect(await offered("workspace", "create", "--name", "x", "debian:12-")).toEqual(["debian:12-base"]);
    expect(await offered("run", "debian:12", "--", "")).toEqual([]);
  });

  it.each(completionShells)("has a script for %s that asks for the words so far", (shell) => {
    expect(completionScript(shell)).toContain("__complete");
  });

  it("refuses other shells", () => {
    expect(() => completionScript("tcsh")).toThrow('"tcsh" is none of bash, zsh, fish');
  });
});
