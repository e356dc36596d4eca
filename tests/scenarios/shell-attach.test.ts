/** A person's terminal at a shell of a fake machine: keys, size, leaving, coming back, ends of every kind. */
import { execFile, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";
import { finished } from "../support/cli.ts";
import { Person } from "../support/person.ts";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";

let fake: FakeWorkspaces;
let program: string;
let workspace_id: string;

beforeAll(async () => {
  fake = openFakeWorkspaces();
  program = await bundle("tests/support/cli-program.ts");
  ({ workspace_id } = await fake.pyro.createWorkspace({ environment: "debian:12", name: "attached" }));
});
afterAll(async () => {
  await fake.close();
  rmSync(dirname(program), { recursive: true });
});

const env = () => ({ ...process.env, PYRO_HOME: fake.host.store.paths.data });
const person = (...args: string[]) =>
  new Person([process.execPath, program, "workspace", "shell", "attach", "attached", ...args], env());
const shells = async () => (await fake.pyro.listShells({ workspace_id })).shells;
const restored = "modes restored";

it("types, interrupts, resizes, and ends with the shell's exit status", async () => {
  const user = person();
  user.type("echo siz''e; stty size\r");
  expect(await user.sees("24 80")).toContain("size");
  user.resize();
  await expect.poll(async () => (await shells()).at(-1), { timeout: 10_000 }).toMatchObject({ cols: 132, rows: 50 });
  user.type("stty size; echo wai''t; sleep 600\r");
  expect(await user.sees("wait")).toContain("50 132");
  user.type("\x03");
  // What is typed before the shell is back from its interrupt may be lost.
  const again = () => {
    user.type("echo on''again\r");
    return user.screen;
  };
  await expect.poll(again, { interval: 300, timeout: 20_000 }).toContain("onagain");
  user.type("exit 9\r");
  expect(await user.leaves()).toEqual({ status: 9, modes: restored });
  expect((await shells()).at(-1)).toMatchObject({ state: "exited", exit_code: 9 });
});

it("is left, says how to come back, and is as it was then", async () => {
  const user = person();
  user.type("cd /usr; echo he''re\r");
  await user.sees("here\r");
  user.type("\x1d");
  const { shell_id } = (await shells()).at(-1) ?? { shell_id: "" };
  expect(await user.leaves()).toEqual({ status: 0, modes: restored });
  expect(user.screen).toContain(`pyro workspace shell attach attached ${shell_id}`);
  const again = person(shell_id, "--detach-key", "ctrl-a");
  await again.sees("here\r");
  again.type("pwd; echo thi''s\r");
  expect(await again.sees("this\r")).toContain("/usr");
  again.type("\x01");
  expect((await again.leaves()).status).toBe(0);
  expect(await fake.pyro.closeShell({ workspace_id, shell_id })).toMatchObject({ state: "exited" });
});

it("shows what draws, and nothing that reaches beyond the screen", async () => {
  const user = person();
  user.type("printf '\\e[31mred\\e[0m\\e]52;c;UEFZ\\a\\e]0;ti''tle\\a\\e[6n\\e[?25l'; echo o''ver\r");
  const seen = await user.sees("over\r");
  expect(seen).toContain("\x1b[31mred\x1b[0m");
  expect(seen).not.toContain("\x1b]");
  expect(seen).not.toContain("\x1b[6n");
  user.type("\x1d");
  await user.leaves();
  expect(user.screen).toContain("\x1b[?25h");
});

it("gives the terminal back when it is terminated, and when the workspace goes", async () => {
  const user = person();
  user.type("echo u''p\r");
  await user.sees("up\r");
  user.terminate();
  expect(await user.leaves()).toEqual({ status: 143, modes: restored });
  const other = person();
  other.type("echo u''p\r");
  await other.sees("up\r");
  await fake.pyro.resetWorkspace({ workspace_id });
  expect(await other.leaves()).toEqual({ status: 1, modes: restored });
  const last = person();
  last.type("echo u''p\r");
  await last.sees("up\r");
  await fake.pyro.deleteWorkspace({ workspace_id });
  expect((await last.leaves()).modes).toBe(restored);
});

it("is for terminals only", async () => {
  const child = spawn(process.execPath, [program, "workspace", "shell", "attach", "attached"], { env: env() });
  child.stdin.end();
  expect(await finished(child)).toMatchObject({ status: 2, stderr: expect.stringContaining("not_a_terminal") });
});

it("a command's output draws on a terminal and goes no further, and is byte for byte in a pipe", async () => {
  const { workspace_id: other } = await fake.pyro.createWorkspace({ environment: "debian:12", name: "printing" });
  const script = "printf '\\033[31mred\\033]52;c;UEFZ\\007\\033[?25l\\377\\033[6n|'";
  const words = [program, "workspace", "exec", "printing", "--", "sh", "-c", script];
  const user = new Person([process.execPath, ...words], env());
  await user.leaves();
  expect(user.screen).toBe("\x1b[31mred\x1b[?25l\ufffd|\x1b[?25h\x1b[0m");
  const piped = await promisify(execFile)(process.execPath, words, { env: env(), encoding: "buffer" });
  expect(piped.stdout.toString("latin1")).toBe("\x1b[31mred\x1b]52;c;UEFZ\x07\x1b[?25l\xff\x1b[6n|");
  await fake.pyro.deleteWorkspace({ workspace_id: other });
});
