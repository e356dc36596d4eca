/** Shells: programs that ask, draw, flood and do not end, read by whoever wants to. */
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ShellProbe } from "../../support/shell-probe.ts";
import type { Kit } from "./kit.ts";

const DEADLINE_MS = 60_000;

export function shellScenarios(kit: Kit): void {
  const within = (use: (workspace_id: string) => Promise<void>) => kit.within(use);
  const exec = async (workspace_id: string, script: string) =>
    (await kit.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script] })).stdout.trim();

  describe("a shell", () => {
    it("runs, is read by cursor without loss, and tells its end", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id, { cols: 100, rows: 40 });
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ shell_count: 1 });
        await shell.write("stty size; echo $TERM; echo o''ver");
        expect(await shell.until("over\r\n")).toContain("40 100\r\nxterm-256color\r\nover\r\n");
        const all = await kit.pyro.readShell({ ...shell.id });
        const again = await kit.pyro.readShell({ ...shell.id });
        expect(again.output).toBe(all.output);
        let pieced = "";
        for (let cursor = 0; cursor < all.next_cursor; ) {
          const part = await kit.pyro.readShell({ ...shell.id, cursor, max_chars: 7 });
          expect([part.cursor, part.truncated]).toEqual([cursor, false]);
          pieced += part.output;
          cursor = part.next_cursor;
        }
        expect(pieced).toBe(all.output);
        await shell.write("exit 7");
        expect(await shell.end()).toBe(7);
        await kit.refused(shell.write("more"), "shell_exited");
        const { shells } = await kit.pyro.summarizeWorkspace({ workspace_id });
        expect(shells).toMatchObject([{ shell_id: shell.shell_id, state: "exited", exit_code: 7, cols: 100 }]);
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ shell_count: 0 });
      });
    });

    it("starts where it is told, and not where there is nothing", async () => {
      await within(async (workspace_id) => {
        await kit.write(workspace_id, "below/file", "x");
        const shell = await ShellProbe.open(kit.pyro, workspace_id, { cwd: "below" });
        await shell.write("ls; echo o''ver");
        expect(await shell.until("over\r\n")).toContain("file");
        await kit.refused(kit.pyro.openShell({ workspace_id, cwd: "/none/such" }), "invalid_input");
        for (const size of [{ cols: 0 }, { rows: 0 }, { cols: 10_000 }, { rows: 10_000 }])
          await kit.refused(kit.pyro.openShell({ workspace_id, ...size }), "invalid_input");
        await kit.refused(kit.pyro.readShell({ workspace_id, shell_id: "sh-none" }), "shell_not_found");
      });
    });

    it("edits lines, remembers them and completes names", async () => {
      await within(async (workspace_id) => {
        await kit.write(workspace_id, "remarkable-name", "found it\n");
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write("echo bc\x1b[D\x1b[Da");
        expect(await shell.sees("\nabc")).toContain("echo abc\nabc\n$");
        await shell.write("\x1b[A");
        await shell.sees("\nabc");
        await shell.write("cat remark\t");
        expect(await shell.sees("found it")).toContain("cat remarkable-name");
      });
    });

    it("shows what a person would see of progress, wide characters and long lines", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id, { cols: 40, rows: 10 });
        await shell.write("clear");
        await shell.sees("$");
        await shell.write(
          "for n in 10 50 100; do printf '\\rProgress: [%3d%%]' $n; done; echo; printf 'abc\\b\\bX\\n'; echo over1",
        );
        expect(await shell.sees("\nover1")).toContain("\nProgress: [100%]\naXc\nover1\n$");
        await shell.write(
          "printf '漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字x\\n'; printf '\\e[31mred\\e[0m\\e]0;title\\a \\e[2;3Hmoved\\e[9;1H\\n'",
        );
        expect(await shell.sees("moved")).toContain("漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字x");
        await shell.write("clear; seq -s, 1 60; echo over2");
        const line = Array.from({ length: 60 }, (_, at) => at + 1).join(",");
        const seen = await shell.sees("\nover2");
        expect(seen).toContain(`${line}\nover2\n$`);
        expect(seen).toMatch(/^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$/);
      });
    });

    it("shows the progress of apt, which keeps a line at the bottom to itself", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id, { cols: 60, rows: 12 });
        const bar = (percent: number) =>
          `\\e7\\e[12;0f\\e[42m\\e[30mProgress: [${percent}%%]\\e[49m\\e[39m [####....] \\e8`;
        const begin = "\\n\\e7\\e[0;11r\\e8\\e[1A";
        const end = "\\n\\e7\\e[0;12r\\e8\\e[1A\\e[J";
        await shell.write(
          `clear; printf '${begin}'; for p in 20 60; do printf "Unpacking package-$p ...\\n"; done; printf '${bar(60)}'; read line; printf '${end}done\\n'`,
        );
        const during = await shell.sees("[60%]");
        expect(during).toContain("Unpacking package-20 ...\nUnpacking package-60 ...");
        expect(during).toMatch(/Progress: \[60%\] \[####....\]$/);
        await shell.write("");
        expect(await shell.sees("done")).not.toContain("Progress");
      });
    });

    it("shows the screen of a program that takes all of it, and nothing of it afterwards", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id, { cols: 50, rows: 6 });
        await shell.write(
          "printf '\\e[?1049h\\e[2J\\e[1;1Htitle\\e[6;1Hbottom'; read line; printf '\\e[?1049l'; echo back",
        );
        expect(await shell.sees("bottom")).toBe("title\n\n\n\n\nbottom");
        await shell.write("");
        expect(await shell.sees("back")).not.toContain("bottom");
      });
    });

    it("signals what is in the foreground, stops it and lets it go on", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write("sleep 604; echo ended:$?");
        await signalUntil(shell, "INT", "130");
        await shell.write("echo ended:$?");
        await shell.until("ended:");
        await shell.write("sleep 605");
        await signalUntil(shell, "TSTP", "Stopped");
        await kit.pyro.signalShell({ ...shell.id, signal: "CONT" });
        await shell.write("jobs");
        await shell.until("Running");
        await shell.write("kill %1; wait; cat >/dev/null");
        await shell.until("cat");
        await kit.pyro.signalShell({ ...shell.id, signal: "KILL" });
        expect(await shell.end()).toBe(137);
        await kit.refused(kit.pyro.signalShell({ ...shell.id }), "shell_exited");
      });
    });

    /** A program is in the foreground a moment after it was typed. */
    async function signalUntil(shell: ShellProbe, signal: "INT" | "TSTP", text: string): Promise<void> {
      let seen = "";
      const deadline = performance.now() + DEADLINE_MS;
      const { next_cursor: cursor } = await shell.read();
      while (!seen.includes(text) && !seen.includes("^C")) {
        if (performance.now() > deadline) throw new Error(`no ${text} in ${JSON.stringify(seen)}`);
        await kit.pyro.signalShell({ ...shell.id, signal });
        seen = (await kit.pyro.readShell({ ...shell.id, cursor, wait_for_idle_ms: 100 })).output;
        if (signal === "INT" && seen.includes("$ ")) return;
      }
    }

    it("ends with everything it started when it is closed", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write("nohup setsid sleep 606.5 >/dev/null 2>&1 & sleep 606.5 & echo star''ted");
        await shell.until("started\r\n");
        const count = () =>
          exec(
            workspace_id,
            "ls -d /proc/[0-9]* | while read p; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null | grep -c '^sleep 606.5' || true",
          );
        await expect.poll(count, { timeout: DEADLINE_MS }).toBe("2");
        expect(await kit.pyro.closeShell(shell.id)).toMatchObject({ state: "exited", exit_code: null });
        expect(await count()).toBe("0");
        expect(await kit.pyro.closeShell(shell.id)).toMatchObject({ state: "exited" });
        expect((await kit.pyro.readShell(shell.id)).output).toContain("started");
      });
    });

    it("floods without an end, and everything else is answered", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write("yes 0123456789012345678901234567890123456789 | head -c 40000000");
        const deadline = performance.now() + DEADLINE_MS;
        let reading = await kit.pyro.readShell({ ...shell.id, cursor: 0, max_chars: 10 });
        while (!reading.truncated && performance.now() < deadline) {
          const began = performance.now();
          await kit.pyro.statusWorkspace({ workspace_id });
          expect(performance.now() - began).toBeLessThan(2_000);
          await delay(20);
          reading = await kit.pyro.readShell({ ...shell.id, cursor: 0, max_chars: 10 });
        }
        expect(reading).toMatchObject({ truncated: true, output: expect.stringMatching(/^[0-9\r\n]{10}$/) });
        await shell.write("\x03", true);
        await shell.skip();
        await shell.write("echo all''over");
        expect(await shell.sees("allover")).toContain("allover");
      });
    });

    it("is not typed into without an end by whoever writes to what nobody reads", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write("stty -echo raw; sleep 607");
        const write = async () => {
          for (let count = 0; count < 60; count += 1) await shell.write("x".repeat(65_536), true);
        };
        await kit.refused(write(), "shell_input_full");
        expect((await kit.pyro.listShells({ workspace_id })).shells).toHaveLength(1);
        expect(await kit.pyro.closeShell(shell.id)).toMatchObject({ state: "exited" });
      });
    });

    it("keeps characters whole and replaces what is none", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        await shell.write(
          "printf '\\360\\237'; sleep 0.2; printf '\\246\\200|\\377|\\303'; sleep 0.2; printf '\\251|\\342\\202|'; echo o''ver",
        );
        expect(await shell.until("over\r\n")).toContain("🦀|\ufffd|é|\ufffd|over");
      });
    });

    it("is one of many, each with its own output", async () => {
      await within(async (workspace_id) => {
        const opened = await Promise.all(Array.from({ length: 20 }, () => kit.pyro.openShell({ workspace_id })));
        const shells = opened.map(({ shell_id }) => new ShellProbe(kit.pyro, workspace_id, shell_id));
        expect(new Set(opened.map(({ shell_id }) => shell_id)).size).toBe(20);
        await Promise.all(shells.map((shell, at) => shell.write(`echo shell''-${at}-`)));
        await Promise.all(shells.map((shell, at) => shell.until(`shell-${at}-\r\n`)));
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ shell_count: 20 });
        await kit.pyro.resetWorkspace({ workspace_id });
        expect((await kit.pyro.listShells({ workspace_id })).shells).toEqual([]);
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ shell_count: 0 });
        await kit.refused(kit.pyro.readShell(shells[0]?.id ?? { workspace_id, shell_id: "" }), "shell_not_found");
      });
    });

    it("is a change when it is typed into, and none when it is read", async () => {
      await within(async (workspace_id) => {
        const shell = await ShellProbe.open(kit.pyro, workspace_id);
        const activity = async () => (await kit.pyro.statusWorkspace({ workspace_id })).last_activity_at;
        const before = await activity();
        await delay(20);
        await shell.read({ plain: true });
        expect(await activity()).toBe(before);
        await shell.write("true");
        expect((await activity()) > before).toBe(true);
      });
    });
  });
}
