/** Keys and values as flags have them, and what is said of others. */
import { afterEach, describe, expect, it } from "vitest";
import { operations } from "../operations/index.ts";
import { buildProgram, type Invocation, splitRest } from "./program.ts";

const VARIABLE = "TEST_VARIABLE_OF_A_SECRET";
afterEach(() => delete process.env[VARIABLE]);

async function inputOf(...args: readonly string[]): Promise<Record<string, unknown>> {
  let seen: Invocation | undefined;
  const { own, rest } = splitRest(args);
  const program = buildProgram(async (invocation) => {
    seen = invocation;
  }, rest);
  await program.parseAsync([...own], { from: "user" });
  return seen?.input ?? expect.fail("no operation was called");
}

const create = (...flags: readonly string[]) => inputOf("workspace", "create", "debian:12", ...flags);

describe("a flag with keys", () => {
  it("takes key and value, and may repeat", async () => {
    expect((await create("--secret", "A=b=c", "--secret", "D=", "--label", "x=y"))["secret"]).toEqual({
      A: "b=c",
      D: "",
    });
  });

  it("takes a key alone for itself, or for the exported variable of that name", async () => {
    const exec = await inputOf("workspace", "exec", "w", "--secret-env", "A", "--secret-env", "B=C", "--", "true");
    expect(exec["secret_env"]).toEqual({ A: "A", B: "C" });
    process.env[VARIABLE] = "its value";
    expect((await create("--secret", VARIABLE))["secret"]).toEqual({ [VARIABLE]: "its value" });
  });

  it("quotes what is wrong, unless that may be a secret", async () => {
    await expect(create("--label", "wrong")).rejects.toThrow('--label: "wrong" is not KEY=VALUE');
    for (const flags of [
      ["--secret", "private"],
      ["--secret", "=private"],
      ["--secret-file", "private"],
      ["--", "private"],
    ]) {
      const error = await create(...flags).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "invalid_input", message: expect.not.stringContaining("private") });
    }
  });

  it("that is named here is a field of maps", () => {
    for (const { input, map_flags = {} } of Object.values(operations))
      for (const name of Object.keys(map_flags)) expect(Object.keys(input.shape)).toContain(name);
  });
});
