/** Shells of a real machine: interactive programs as they are, a cursor that another process goes on with, and a person's terminal. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Kit } from "../scenarios/workspaces/kit.ts";
import { cli, pyroProgram } from "../support/cli.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { Person } from "../support/person.ts";
import { ShellProbe } from "../support/shell-probe.ts";
import { openVmHome, type VmHome } from "../support/vm-home.ts";

let home: VmHome;
let workspace_id = "";
let kit: Kit;

beforeAll(async () => {
  home = await openVmHome("shells");
  kit = new Kit(() => ({ pyro: home.pyro, environment: ENVIRONMENT, room: home.room, directories: () => [] }));
  ({ workspace_id } = await kit.create({ name: "shells" }));
});
afterAll(() => home?.close());

it("talks to Python", async () => {
  const shell = await ShellProbe.open(kit.pyro, workspace_id);
  await shell.write("python3");
  await shell.sees(">>>");
  await shell.write("for n in range(3): print(n * 7)");
  await shell.write("");
  expect(await shell.sees("14")).toContain("0\n7\n14\n>>>");
  await shell.write("\x04", true);
  await shell.write("exit 3");
  expect(await shell.end()).toBe(3);
});

it("shows what takes the whole screen, at the size that it has", async () => {
  const shell = await ShellProbe.open(kit.pyro, workspace_id, { cols: 80, rows: 10 });
  await shell.write("seq 1 500 | less");
  const page = await shell.sees("9\n:");
  expect(page).toBe(`${Array.from({ length: 9 }, (_, at) => at + 1).join("\n")}\n:`);
  await shell.write("G", true);
  expect(await shell.sees("(END)")).toBe(`${Array.from({ length: 9 }, (_, at) => 492 + at).join("\n")}\n(END)`);
  await shell.write("q", true);
  await shell.write("top");
  const top = await shell.sees("COMMAND");
  expect(top.split("\n").length).toBeLessThanOrEqual(10);
  expect(top).toMatch(/PID +USER/);
  await shell.write("q", true);
  // It drops what was typed while it ended.
  await shell.sees("$");
  await shell.write("echo af''ter");
  expect(await shell.sees("after")).toContain("after");
  await kit.pyro.closeShell(shell.id);
});

it("is read by another process from where this one stopped", async () => {
  const shell = await ShellProbe.open(kit.pyro, workspace_id);
  await shell.write("echo fir''st; read line; echo sec''ond");
  await shell.until("first\r\n");
  const { next_cursor } = await kit.pyro.readShell({ ...shell.id });
  await shell.write("");
  await shell.until("second\r\n");
  const words = ["workspace", "shell", "read", workspace_id, shell.shell_id, "--cursor", String(next_cursor), "--json"];
  const { stdout } = await cli(words);
  const other: { output: string; cursor: number } = JSON.parse(stdout);
  const own = await kit.pyro.readShell({ ...shell.id, cursor: next_cursor });
  expect([other.cursor, other.output]).toEqual([next_cursor, own.output]);
  expect(other.output).toContain("second");
  expect(other.output).not.toContain("first");
  await kit.pyro.closeShell(shell.id);
});

it("is a person's terminal, and is left by a keeper that is lost", async () => {
  const user = new Person([pyroProgram, "workspace", "shell", "attach", "shells"], process.env);
  user.type("stty size; echo he''re\r");
  expect(await user.sees("here\r")).toContain("24 80");
  user.type("exit 5\r");
  expect(await user.leaves()).toEqual({ status: 5, modes: "modes restored" });
  const other = new Person([pyroProgram, "workspace", "shell", "attach", "shells"], process.env);
  other.type("echo he''re\r");
  await other.sees("here\r");
  other.type("echo 1 >/proc/sys/kernel/sysrq; echo o >/proc/sysrq-trigger\r");
  const { status, modes } = await other.leaves();
  expect([status, modes]).toEqual([125, "modes restored"]);
  expect(other.screen).toContain("pyro: ");
});
