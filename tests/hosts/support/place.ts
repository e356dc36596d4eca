/** A machine of one user for one host: an empty home with pyro's own directories in it, and a project under Git whose test fails. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pyro } from "../../../src/sdk/pyro.ts";
import { seedFiles } from "../../scenarios/mcp-scenarios.ts";
import { copiedHome, ENVIRONMENT } from "../../support/copied-home.ts";
import { untilEmpty } from "../../support/leftovers.ts";

export interface Place {
  readonly scratch: string;
  readonly home: string;
  readonly project: string;
  /** The user's own pyro, beside the host */
  readonly pyro: Pyro;
  /** Every file of the project but those, with its permissions and a hash of its bytes */
  checkout(but: readonly string[]): Readonly<Record<string, string>>;
  /** Processes that were started here and still run, after a moment to end in; those of whose description that is true */
  processes(concern?: (process: string) => boolean): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What changes where pyro keeps things; a user of a chat host has none of it set. */
const otherPlaces = ["PYRO_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"];

const ENDING_MS = 10_000;

/** Makes one; `HOME` names it from then on. */
export async function openPlace(name: string): Promise<Place> {
  const scratch = mkdtempSync(join(tmpdir(), `pyro-hosts-${name}-`));
  const home = join(scratch, "home");
  mkdirSync(home, { mode: 0o700 });
  await copiedHome(scratch, { HOME: home });
  for (const variable of otherPlaces) delete process.env[variable];
  process.env["HOME"] = home;
  const pyro = new Pyro();
  await pyro.runInVm({ environment: ENVIRONMENT, command: ["true"], timeout_seconds: 120 });
  const project = join(scratch, "project");
  makeProject(project);
  const close = async () => {
    const { workspaces } = await pyro.listWorkspaces();
    for (const { workspace_id } of workspaces) await pyro.deleteWorkspace({ workspace_id });
    rmSync(scratch, { recursive: true, force: true });
  };
  return {
    scratch,
    home,
    project,
    pyro,
    checkout: (but) => filesOf(project, but),
    processes: (concern = () => true) => untilEmpty(() => processesOf(scratch).filter(concern), ENDING_MS),
    close,
  };
}

function makeProject(directory: string): void {
  mkdirSync(directory);
  for (const [name, text] of Object.entries(seedFiles)) writeFileSync(join(directory, name), text);
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a", ...args], { env });
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-qm", "first");
  writeFileSync(join(directory, "notes.txt"), "not committed\n");
}

function filesOf(directory: string, but: readonly string[]): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => !but.includes(name));
  return Object.fromEntries(names.map((name) => [name, fingerprint(join(directory, name))]));
}

function fingerprint(path: string): string {
  const stats = lstatSync(path);
  const bytes = stats.isFile() ? readFileSync(path) : stats.isSymbolicLink() ? readlinkSync(path) : "";
  return `${stats.mode.toString(8)} ${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Processes whose command line, environment or working directory names the place, this one aside. */
function processesOf(scratch: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => traces(pid).some((trace) => trace.includes(scratch)))
    .map((pid) => `${pid} ${attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ")}`);
}

function traces(pid: string): string[] {
  return [
    ...["cmdline", "environ"].map((file) => attempt(() => readFileSync(`/proc/${pid}/${file}`, "utf8"))),
    attempt(() => readlinkSync(`/proc/${pid}/cwd`)),
  ];
}

/** A process may end while it is looked at. */
function attempt(look: () => string): string {
  try {
    return look();
  } catch {
    return "";
  }
}
