/** Secrets of a workspace: in its memory, in the commands that ask for them, and nowhere that somebody looks. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { overheard, tracesOf } from "../../support/secret-scan.ts";
import { ShellProbe } from "../../support/shell-probe.ts";
import type { Kit } from "./kit.ts";

const MARK = "[REDACTED]";
/** A fake machine's place for secrets is its own. */
const PLACE = `$\{FAKE_SECRETS:-/run/pyro-secrets}`;
const hashOf = (value: string | Buffer) => createHash("sha256").update(value).digest("hex");
/** A value that is in no source and no argument of this test. */
const fresh = () => `k-${randomBytes(15).toString("base64url")}`;
const shell = (script: string) => ["sh", "-c", script];

export function secretScenarios(kit: Kit): void {
  const exec = (workspace_id: string, script: string, more: object = {}) =>
    kit.pyro.execWorkspace({ workspace_id, command: shell(script), timeout_seconds: 120, ...more });
  const hashes = async (workspace_id: string) =>
    (await exec(workspace_id, `cd "${PLACE}" && sha256sum *`)).stdout.replace(/ {2}/g, " ").trim().split("\n");

  describe("secrets", () => {
    it("are files of one reader and variables of the commands that ask, whatever is in them", async () => {
      const odd = `${fresh()} "quotes' \\ $(x) .*[a-z]+ \n second line ${fresh()}\n`;
      const binary = Buffer.from(Array.from(randomBytes(300), (byte) => byte || 1));
      const large = randomBytes(32_768).toString("hex");
      const secret_file = { BINARY: kit.file("binary.secret", binary), LARGE: kit.file("large", Buffer.from(large)) };
      await kit.within(
        async (workspace_id) => {
          expect(await hashes(workspace_id)).toEqual([
            `${hashOf(binary)} BINARY`,
            `${hashOf(large)} LARGE`,
            `${hashOf(odd)} ODD`,
          ]);
          const modes = await exec(workspace_id, `stat -c %a "${PLACE}" "${PLACE}"/*`);
          expect(modes.stdout).toBe("700\n400\n400\n400\n");
          const secret_env = { ODD: "MINE", LARGE: "LARGE" };
          const seen = await exec(workspace_id, 'printf %s "$MINE" | sha256sum; printf %s "$LARGE" | sha256sum', {
            secret_env,
          });
          expect(seen.stdout).toBe(`${hashOf(odd.trimEnd())}  -\n${hashOf(large)}  -\n`);
          expect((await exec(workspace_id, 'echo "<$MINE$ODD$LARGE>"')).stdout).toBe("<>\n");
          await kit.refused(exec(workspace_id, "true", { secret_env: { BINARY: "B" } }), "secret_invalid");
          await kit.refused(exec(workspace_id, "true", { secret_env: { ODD: "A=B" } }), "secret_invalid");
          const unknown = exec(workspace_id, "true", { secret_env: { NONE: "NONE" } });
          await expect(unknown).rejects.toMatchObject({
            code: "secret_not_found",
            message: expect.stringContaining("BINARY, LARGE, ODD"),
          });
          expect((await kit.pyro.statusWorkspace({ workspace_id })).secrets).toEqual([
            { name: "BINARY", source: "file" },
            { name: "LARGE", source: "file" },
            { name: "ODD", source: "value" },
          ]);
          expect((await kit.pyro.summarizeWorkspace({ workspace_id })).secrets).toEqual(["BINARY", "LARGE", "ODD"]);
        },
        { secret: { ODD: odd }, secret_file },
      );
    });

    it("are there after a reset and after a stop, and are each workspace's own", async () => {
      const [one, other] = [fresh(), fresh()];
      const print = (workspace_id: string) => exec(workspace_id, 'echo "$KEY"', { secret_env: { KEY: "KEY" } });
      await kit.within(
        (first) =>
          kit.within(
            async (second) => {
              const first_hash = [`${hashOf(one)} KEY`];
              expect([await hashes(first), await hashes(second)]).toEqual([first_hash, [`${hashOf(other)} KEY`]]);
              await kit.pyro.createSnapshot({ workspace_id: first, snapshot_name: "s" });
              await kit.pyro.resetWorkspace({ workspace_id: first });
              expect(await hashes(first)).toEqual(first_hash);
              await kit.pyro.resetWorkspace({ workspace_id: first, snapshot: "s" });
              await kit.pyro.stopWorkspace({ workspace_id: first });
              await kit.pyro.startWorkspace({ workspace_id: first });
              expect(await hashes(first)).toEqual(first_hash);
              expect((await print(first)).stdout).toBe(`${MARK}\n`);
              expect((await exec(second, `echo ${one}; echo ${other}`)).stdout).toBe(`${one}\n${MARK}\n`);
            },
            { secret: { KEY: other } },
          ),
        { secret: { KEY: one } },
      );
    });

    it("are replaced in all that a command prints, live, in its log, and in its command line", async () => {
      const value = `${fresh()}/+"é"`;
      await kit.within(
        async (workspace_id) => {
          const { pyro, said } = overheard(kit.pyro);
          const run = (script: string, more: object = {}) =>
            pyro.execWorkspace({ workspace_id, command: shell(script), secret_env: { KEY: "KEY" }, ...more });
          const forms = ["cat", "base64 -w0", "od -An -v -tx1 | tr -d ' \\n'", "dd bs=1 status=none"];
          const script = forms.map((form) => `printf '<'; printf %s "$KEY" | ${form}; echo '>'`).join("; ");
          const { stdout } = await run(script);
          expect(stdout).toBe(`<${MARK}>\n`.repeat(4));
          expect((await run('for o in "" x xy; do printf "$o$KEY" | base64 -w0; echo; done >&2')).stderr).toContain(
            MARK,
          );
          expect((await run(`echo '${value}'`)).stdout).toBe(`${MARK}\n`);
          const { sequence } = await run('echo "a $KEY b"; sleep 1; printf "$KEY"', { detach: true });
          const waited = await pyro.waitWorkspace({ workspace_id, sequence, timeout_seconds: 60 });
          expect(waited.output).toBe(`a ${MARK} b\n${MARK}`);
          expect((await pyro.logsWorkspace({ workspace_id, sequence })).output).toBe(waited.output);
          const matched = await pyro.waitWorkspace({ workspace_id, log: "REDACTED", timeout_seconds: 10 });
          expect(matched).toMatchObject({ reason: "matched", last_seen: `a ${MARK} b` });
          await kit.refused(pyro.execWorkspace({ workspace_id, command: [`${value}x`] }), "command_not_found");
          const { commands } = await pyro.logsWorkspace({ workspace_id, grep: "REDACTED" });
          expect(commands.length).toBeGreaterThan(2);
          const summary = await pyro.summarizeWorkspace({ workspace_id });
          expect(summary.commands.map(({ command }) => command)).toContain(`sh -c echo '${MARK}'`);
          await pyro.stopWorkspace({ workspace_id });
          await pyro.logsWorkspace({ workspace_id, tail_lines: 20 });
          await pyro.summarizeWorkspace({ workspace_id });
          for (const trace of tracesOf(value)) expect(said()).not.toContain(trace.toString("latin1"));
        },
        { secret: { KEY: value } },
      );
    });

    it("are variables of services and shells that ask, and replaced in what those print and are", async () => {
      const value = fresh();
      const secret_env = { KEY: "MINE" };
      await kit.within(
        async (workspace_id) => {
          const { pyro, said } = overheard(kit.pyro);
          const script = `echo "has $MINE"; echo ${value} >&2; exec sleep 600`;
          const start = { workspace_id, service_name: "one", command: shell(script), secret_env };
          await pyro.startService(start);
          const logs = async () => pyro.logsService({ workspace_id, service_name: "one" });
          await expect.poll(async () => (await logs()).stderr, { timeout: 30_000 }).toBe(`${MARK}\n`);
          expect((await logs()).stdout).toBe(`has ${MARK}\n`);
          const failing = { ...start, service_name: "two", command: shell('echo "$MINE"; exit 3') };
          await expect(pyro.startService(failing)).rejects.toMatchObject({ code: "service_failed" });
          const typed = await ShellProbe.open(pyro, workspace_id, { secret_env });
          await typed.write("echo \"<$MINE>\"; echo o''ver");
          expect(await typed.until("over\r\n")).toContain(`<${MARK}>\r\n`);
          expect((await pyro.readShell({ ...typed.id, plain: true })).output).toContain(`\n<${MARK}>\n`);
          const unknown = { NONE: "NONE" };
          await kit.refused(pyro.startService({ ...start, secret_env: unknown }), "secret_not_found");
          await kit.refused(pyro.openShell({ workspace_id, secret_env: unknown }), "secret_not_found");
          await pyro.summarizeWorkspace({ workspace_id });
          await pyro.listServices({ workspace_id });
          for (const trace of tracesOf(value)) expect(said()).not.toContain(trace.toString("latin1"));
        },
        { secret: { KEY: value } },
      );
    });

    it("come as they are printed, but for the beginning of one", async () => {
      const value = fresh();
      await kit.within(
        async (workspace_id) => {
          const script =
            'printf "prompt> "; while [ ! -e go ]; do sleep 0.05; done; printf "k-"; cut -c3- <<E\n$KEY\nE';
          const { sequence } = await exec(workspace_id, script, { detach: true, secret_env: { KEY: "KEY" } });
          const prompt = await kit.pyro.waitWorkspace({
            workspace_id,
            sequence,
            log: "^prompt> $",
            timeout_seconds: 60,
          });
          expect(prompt.reason).toBe("matched");
          await kit.write(workspace_id, "go", "");
          const end = await kit.pyro.waitWorkspace({ workspace_id, sequence, timeout_seconds: 60 });
          expect(end.output.replace("k-", "")).toBe(`prompt> ${MARK}\n`);
        },
        { secret: { KEY: value } },
      );
    });

    it("are replaced in files that are read and in names, and not in what must be exact", async () => {
      const value = fresh();
      await kit.within(
        async (workspace_id) => {
          const { pyro, said } = overheard(kit.pyro);
          const text = `one ${value} two\n`;
          await kit.write(workspace_id, "f", text);
          await exec(workspace_id, 'mkdir -p d; echo x >"d/$KEY"; ln -s "$KEY" d/link', { secret_env: { KEY: "KEY" } });
          const whole = await pyro.readWorkspaceFile({ workspace_id, path: "f" });
          expect(whole).toMatchObject({ content: `one ${MARK} two\n`, redacted: true, sha256: null });
          expect(whole).toMatchObject({ size_bytes: text.length, bytes_read: text.length, truncated: false });
          const encoded = await pyro.readWorkspaceFile({ workspace_id, path: "f", encoding: "base64" });
          expect(Buffer.from(encoded.content, "base64").toString()).toBe(`one ${MARK} two\n`);
          for (const offset of [0, 3, 4, 10, 20]) {
            const part = await pyro.readWorkspaceFile({ workspace_id, path: "f", offset, max_bytes: 5 });
            expect(part.content).toBe({ 0: `one ${MARK}`, 3: ` ${MARK}` }[offset] ?? MARK);
          }
          const { entries } = await pyro.listWorkspaceFiles({ workspace_id, path: "d" });
          expect(entries.map(({ path }) => path)).toContain(`/workspace/d/${MARK}`);
          await kit.refused(pyro.readWorkspaceFile({ workspace_id, path: `none/${value}` }), "path_not_found");
          await kit.refused(pyro.readWorkspaceFile({ workspace_id, path: `/etc/${value}` }), "path_escape");
          const { patch, ...listed } = await kit.pyro.diffWorkspace({ workspace_id });
          expect(patch).toContain(value);
          expect(JSON.stringify(listed)).not.toContain(value);
          expect(JSON.stringify(listed)).toContain(MARK);
          expect((await pyro.summarizeWorkspace({ workspace_id })).diff?.paths).toContain(`added d/${MARK}`);
          const output = join(kit.room, `exact-${workspace_id}`);
          await pyro.exportWorkspace({ workspace_id, path: "f", output });
          expect(readFileSync(output, "utf8")).toBe(text);
          for (const trace of tracesOf(value)) expect(said()).not.toContain(trace.toString("latin1"));
        },
        { secret: { KEY: value } },
      );
    });

    it("reach the machine as many and as long as they may be together", async () => {
      const values = Array.from({ length: 64 }, () => randomBytes(4_096).toString("hex"));
      const secret = Object.fromEntries(values.map((value, at) => [`KEY_${10 + at}`, value]));
      await kit.within(
        async (workspace_id) => {
          expect(await hashes(workspace_id)).toEqual(values.map((value, at) => `${hashOf(value)} KEY_${10 + at}`));
          expect((await exec(workspace_id, `cat "${PLACE}"/*`)).stdout).toBe(MARK.repeat(64));
        },
        { secret },
      );
    });

    it("that are words of pyro's own leave its answers what they are", async () => {
      const secret = { A: "finished", B: "directory", C: "modified", D: "guest_emulated", E: "workspace" };
      await kit.within(
        async (workspace_id) => {
          const ran = await exec(workspace_id, "mkdir directory; echo finished; echo directory >f");
          expect(ran).toMatchObject({ state: "finished", stdout: `${MARK}\n`, outcome: { kind: "exited" } });
          const { entries } = await kit.pyro.listWorkspaceFiles({ workspace_id });
          expect(entries.map(({ artifact_type }) => artifact_type)).toEqual(["directory", "file"]);
          expect((await kit.pyro.diffWorkspace({ workspace_id })).entries).toMatchObject([{ status: "added" }]);
          expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ state: "started" });
          expect((await kit.pyro.logsWorkspace({ workspace_id })).commands).toMatchObject([{ state: "finished" }]);
        },
        { secret },
      );
    });

    it("that cannot be used are refused, and never quoted", async () => {
      const value = fresh();
      const refused = async (more: object) => {
        const error = await kit.create(more).then(
          () => expect.fail("it was created"),
          (thrown: { code: string }) => thrown,
        );
        expect(error.code).toBe("secret_invalid");
        expect(JSON.stringify(error)).not.toContain(value);
      };
      for (const short of ["", "a", "abc", "true", "1234567", "       \n\t  ", "1234567\n"])
        await refused({ secret: { A: short } });
      await refused({ secret: { A: `${value}\0` } });
      await refused({ secret: { A: value.repeat(4_000) } });
      await refused({ secret: { [`${value} x`]: "12345678" } });
      await refused({ secret: { [`1${value}`]: value } });
      await refused({ secret: { PYRO_TOKEN: value } });
      await refused({ secret: { A: value }, secret_file: { A: kit.file("a.secret", Buffer.from(value)) } });
      await refused({ secret_file: { A: join(kit.room, `none-${value}`) } });
      await refused({ secret_file: { A: kit.room } });
      await refused({ secret_file: { A: kit.file("big.secret", Buffer.alloc(65_537, "x")) } });
      const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`N${at}`, value]));
      await refused({ secret: many });
      const sum = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`N${at}`, `${at}`.repeat(65_000)]));
      await refused({ secret: sum });
      expect(await kit.ids()).toEqual([]);
    });
  });
}
