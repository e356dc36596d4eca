/** Command lines as people mistype them: each is understood, or refused by name and value. */
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { PyroError } from "../contract/errors.ts";
import type { Engine } from "../engine.ts";
import { invoke } from "../operations/invoke.ts";
import { buildProgram, type Invocation, splitRest, usageError } from "./program.ts";

/** What a command line asks for, or the error it is refused with. */
async function parse(line: string | readonly string[]): Promise<Invocation | PyroError | CommanderError> {
  const { own, rest } = splitRest(typeof line === "string" ? line.split(" ") : line);
  let invocation: Invocation | undefined;
  const program = buildProgram(async (asked) => {
    invocation = asked;
  }, rest);
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  try {
    await program.parseAsync([...own], { from: "user" });
  } catch (thrown) {
    if (thrown instanceof PyroError) return thrown;
    if (!(thrown instanceof CommanderError)) throw thrown;
    return usageError(thrown) ?? thrown;
  }
  if (invocation === undefined) throw new Error("nothing was asked for");
  return invocation;
}

/** The same, with the input checked by the operation's schema; the engine is never reached. */
async function check(line: string | readonly string[]): Promise<unknown> {
  const asked = await parse(line);
  if (!("op" in asked)) return asked;
  const engine = new Proxy({} as Engine, {
    get: () => {
      throw new PyroError("not_available", "the input was accepted");
    },
  });
  const context = { engine, signal: new AbortController().signal, emit: () => {}, stdin: undefined };
  return await invoke(asked.op, asked.input, context).catch((error: PyroError) => error);
}

const run = (...options: readonly string[]) => ["run", "debian:12", ...options, "--", "true"];

describe("splitRest", () => {
  it.each([
    ["", { own: [""], rest: undefined }],
    ["run x", { own: ["run", "x"], rest: undefined }],
    ["run x --", { own: ["run", "x"], rest: [] }],
    ["run x -- a -- b", { own: ["run", "x"], rest: ["a", "--", "b"] }],
    ["--", { own: [], rest: [] }],
  ])("splits %j at its first --", (line, expected) => {
    expect(splitRest(line.split(" "))).toEqual(expected);
  });
});

describe("a command line", () => {
  it("passes positions, flags and the guest's command on", async () => {
    const words = [
      "run",
      "debian:12",
      "--mem-mib",
      "256",
      "--timeout-seconds=5",
      "--json",
      "-q",
      "--",
      "git",
      "--version",
      "",
      "a b",
    ];
    expect(await parse(words)).toMatchObject({
      input: { environment: "debian:12", mem_mib: 256, timeout_seconds: 5, command: ["git", "--version", "", "a b"] },
      json: true,
      quiet: true,
    });
  });

  it("leaves the guest's flags to the guest", async () => {
    expect(await parse("run debian:12 -- ls --json --mem-mib 1 -q --help")).toMatchObject({
      input: { command: ["ls", "--json", "--mem-mib", "1", "-q", "--help"] },
      json: false,
      quiet: false,
    });
  });

  it("leaves out what was not given, so that the schema's defaults count", async () => {
    const asked = await parse("run debian:12 -- true");
    expect(asked).toMatchObject({ json: false, quiet: false });
    expect("input" in asked && Object.keys(asked.input).sort()).toEqual(["command", "environment"]);
  });

  it("is complete with a command after --", async () => {
    expect(await check(run())).toMatchObject({ code: "not_available" });
  });

  it.each([
    ["run", "debian:12"],
    ["run", "debian:12", "--"],
  ])("without a command says where to put it: %s %s %s", async (...words) => {
    expect(await check(words)).toMatchObject({
      code: "invalid_input",
      message: "command: a command is missing: put it after --",
    });
  });

  it("with a command before -- says where to put it", async () => {
    expect(await check("run debian:12 git status")).toMatchObject({
      code: "invalid_input",
      hint: "Put the guest's command after --: pyro run debian:12 -- git --version",
    });
  });

  it.each([
    "0x10",
    "1.5",
    "1e9",
    "9".repeat(30),
    "",
    " ",
    "12abc",
    "Infinity",
    "NaN",
    "１２８",
    "+128",
    "1_024",
    "256 ",
  ])("refuses --mem-mib %j with value and range", async (value) => {
    const message = `mem_mib: ${JSON.stringify(value)} is not a whole number from 128 to 262144`;
    expect(await check(run("--mem-mib", value))).toMatchObject({
      code: "invalid_input",
      message,
      hint: "pyro run --help",
    });
    expect(await check(run(`--mem-mib=${value}`))).toMatchObject({ code: "invalid_input" });
  });

  it.each(["-1", "0", "127", "262145", "999999999999999"])(
    "refuses --mem-mib %s with value and range",
    async (value) => {
      const message = `mem_mib: ${value} is not a whole number from 128 to 262144`;
      expect(await check(run("--mem-mib", value))).toMatchObject({ code: "invalid_input", message });
    },
  );

  it.each([
    ["--vcpu-count", "65"],
    ["--timeout-seconds", "0"],
    ["--ttl-seconds", "1814401"],
  ])("refuses %s %s", async (flag, value) => {
    expect(await check(run(flag, value))).toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining(` ${value} is not`),
    });
  });

  it("refuses NUL in an argument and in a name", async () => {
    const nul = expect.stringContaining("NUL");
    expect(await check(["run", "debian:12", "--", "echo", "a\0b"])).toMatchObject({
      code: "invalid_input",
      message: nul,
    });
    expect(await check(["run", "debian\0", "--", "true"])).toMatchObject({ code: "invalid_input", message: nul });
  });

  it.each([
    ["rum", "unknown_command", "run"],
    ["env lst", "unknown_command", "list"],
    ["run debian:12 --mem-mb 5", "invalid_input", "--mem-mib"],
    ["doctor --jsn", "invalid_input", "--json"],
  ])("%j is refused as %s and suggests %s", async (line, code, suggestion) => {
    expect(await check(line)).toMatchObject({ code, message: expect.stringContaining(suggestion) });
  });

  it.each([
    ["frobnicate", "unknown_command", "frobnicate"],
    ["env frobnicate", "unknown_command", "frobnicate"],
    ["--frobnicate", "invalid_input", "--frobnicate"],
    ["run", "invalid_input", "environment"],
    ["run debian:12 --mem-mib", "invalid_input", "--mem-mib"],
    ["run debian:12 --network=no", "invalid_input", "--network"],
    ["env list extra", "invalid_input", "too many arguments"],
    ["prepare debian:12 extra", "invalid_input", "too many arguments"],
    ["prepare -- debian:12", "invalid_input", "debian:12"],
    ["doctor debian:12", "invalid_input", "too many arguments"],
    ["env list -- extra", "invalid_input", "extra"],
    ["doctor -- extra", "invalid_input", "extra"],
  ])("%j is refused as %s and names %s", async (line, code, named) => {
    const error = await check(line);
    expect(error).toBeInstanceOf(PyroError);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify([String(error), error])).toContain(named);
  });

  it.each([
    ["prepare", {}],
    ["prepare debian:12-base", { environment: "debian:12-base" }],
    ["prepare --force debian:12-base", { environment: "debian:12-base", force: true }],
    ["prepare --force", { force: true }],
    ["doctor --environment debian:12", { environment: "debian:12" }],
  ])("%j takes what may be left out: %j", async (line, input) => {
    const asked = await parse(line);
    expect("input" in asked && asked.input).toEqual(input);
    expect(await check(line)).toMatchObject({ code: "not_available", message: "the input was accepted" });
  });

  it("shows what may be left out in brackets, with what it is then", async () => {
    const program = buildProgram(async () => {}, undefined);
    const prepare = program.commands.find((command) => command.name() === "prepare");
    expect(prepare?.helpInformation()).toMatch(/^Usage: pyro prepare \[ENVIRONMENT\] \[options\]/);
    expect(prepare?.helpInformation()).toMatch(/ environment +.*\(default: debian:12\)/);
  });

  it.each(["--help", "run --help", "run -h", "env --help", "help run", "--version", "-V"])(
    "%j is no error",
    async (line) => {
      expect(await parse(line)).toMatchObject({ exitCode: 0 });
    },
  );
});

describe("a group without a command", () => {
  it.each(["env", "help frobnicate"])("%j shows help where a person sees it", async (line) => {
    const shown: string[] = [];
    const program = buildProgram(async () => {}, undefined);
    const stderr = process.stderr.write;
    process.stderr.write = (text: string | Uint8Array) => shown.push(String(text)) > 0;
    try {
      await program.parseAsync(line.split(" "), { from: "user" }).catch(() => {});
    } finally {
      process.stderr.write = stderr;
    }
    expect(shown.join("")).toContain("Usage: pyro");
  });
});
