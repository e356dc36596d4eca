/** Services of a workspace: started until ready, looked at, followed, stopped, and ended with all they started. */
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { OperationEvent } from "../../../src/contract/progress.ts";
import type { PyroMethods } from "../../../src/sdk/pyro.ts";
import { freePort } from "../../support/ports.ts";
import type { Kit } from "./kit.ts";

type Start = Parameters<PyroMethods["startService"]>[0];

const shell = (script: string) => ["sh", "-c", script];
/** A server that is there in every environment with Python. */
const server = (port: number) => ["python3", "-m", "http.server", String(port), "--bind", "127.0.0.1"];

export function serviceScenarios(kit: Kit): void {
  const start = (workspace_id: string, command: string[], more: Partial<Start> = {}) =>
    kit.pyro.startService({ workspace_id, service_name: "one", command, ready_interval_ms: 50, ...more });
  const status = (workspace_id: string, service_name = "one") => kit.pyro.statusService({ workspace_id, service_name });
  const logs = (workspace_id: string, more: object = {}) =>
    kit.pyro.logsService({ workspace_id, service_name: "one", ...more });
  /** What a shell script in the workspace prints. */
  const printed = async (workspace_id: string, script: string) =>
    (await kit.pyro.execWorkspace({ workspace_id, command: shell(script) })).stdout.trim();
  /** How many processes of the workspace have this argument; the pattern is not what it matches. */
  const processes = (workspace_id: string, argument: string) =>
    printed(
      workspace_id,
      `grep -lzx -e '${argument.slice(0, -1)}[${argument.slice(-1)}]' /proc/[0-9]*/cmdline 2>/dev/null | wc -l`,
    );
  const error = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail("it did not fail"),
      (thrown: { code: string; message: string; hint: string; details: Record<string, unknown> }) => thrown,
    );

  describe("a service", () => {
    it("is ready by a file, a port, a server or a command, and stopped with its port free", async () => {
      await kit.within(async (workspace_id) => {
        const port = await freePort();
        const ways: Partial<Start>[] = [
          { ready_tcp: port },
          { ready_http: `http://localhost:${port}/` },
          { ready_command: `python3 -c 'import socket; socket.create_connection(("127.0.0.1", ${port}))'` },
        ];
        for (const way of ways) {
          const made = await start(workspace_id, server(port), way);
          expect(made).toMatchObject({ name: "one", state: "running", exit_code: null, stop_reason: null });
          expect(made.ready_at).not.toBeNull();
          expect(made.pid).toBeGreaterThan(1);
          const seen = await kit.pyro.waitWorkspace({ workspace_id, port, timeout_seconds: 1 });
          expect(seen.reason).toBe("matched");
          const stopped = await kit.pyro.stopService({ workspace_id, service_name: "one" });
          expect(stopped).toMatchObject({ state: "stopped", exit_code: 143, stop_reason: "it was stopped" });
          expect(await kit.pyro.stopService({ workspace_id, service_name: "one" })).toEqual(stopped);
        }
        const script = "echo begun; echo wrong >&2; touch ready; sleep 600";
        await start(workspace_id, shell(script), { ready_file: "ready" });
        expect(await logs(workspace_id)).toMatchObject({ stdout: "begun\n", stderr: "wrong\n", truncated: false });
        await start(workspace_id, shell("sleep 601"), { service_name: "plain", cwd: "." });
        const { services } = await kit.pyro.listServices({ workspace_id });
        expect(services.map(({ name, state }) => `${name} ${state}`)).toEqual(["one running", "plain running"]);
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({
          service_count: 2,
          running_service_count: 2,
          published_ports: [],
        });
        const { services: said, service_count } = await kit.pyro.summarizeWorkspace({ workspace_id });
        expect([said, service_count]).toEqual([["one: running", "plain: running"], 2]);
      });
    });

    it("that dies before it is ready, or is never ready, says so with the end of its logs and leaves nothing", async () => {
      await kit.within(async (workspace_id) => {
        const died = await error(start(workspace_id, shell("echo out; echo because >&2; exit 3"), { ready_tcp: 1 }));
        expect(died).toMatchObject({
          code: "service_failed",
          message: expect.stringMatching(/exit code 3\nstdout:\n {2}out\nstderr:\n {2}because$/),
          details: { exit_code: 3, stdout_tail: "out\n", stderr_tail: "because\n" },
        });
        expect(await status(workspace_id)).toMatchObject({ state: "failed", exit_code: 3 });
        const quick = await error(start(workspace_id, shell("exit 4")));
        expect(quick).toMatchObject({ code: "service_failed", details: { exit_code: 4 } });
        await kit.refused(start(workspace_id, ["no-such-program"]), "command_not_found");
        expect(await status(workspace_id)).toMatchObject({ state: "failed", pid: null });
        const late = await error(
          start(workspace_id, shell("echo waiting; setsid sleep 602 & sleep 602"), {
            ready_file: "never",
            ready_timeout_seconds: 1,
          }),
        );
        expect(late).toMatchObject({ code: "service_not_ready", details: { stdout_tail: "waiting\n" } });
        expect(await status(workspace_id)).toMatchObject({
          state: "failed",
          stop_reason: "it was not ready within 1 s",
        });
        expect(await processes(workspace_id, "602")).toBe("0");
      });
    });

    it("that opens its port and then crashes was ready, and says how it ended", async () => {
      await kit.within(async (workspace_id) => {
        const port = await freePort();
        const script = `import socket, time, sys; s = socket.create_server(("127.0.0.1", ${port})); s.accept(); time.sleep(0.5); sys.exit(9)`;
        await start(workspace_id, ["python3", "-c", script], { ready_tcp: port });
        await expect.poll(async () => (await status(workspace_id)).state, { timeout: 20_000 }).toBe("exited");
        expect(await status(workspace_id)).toMatchObject({ exit_code: 9, stop_reason: "it ended with exit code 9" });
      });
    });

    it("that goes to the background by itself is exited, and what it left is gone", async () => {
      await kit.within(async (workspace_id) => {
        const fork = "setsid sleep 603 >/dev/null 2>&1 </dev/null &";
        const failed = await error(start(workspace_id, shell(fork), { ready_file: "never" }));
        expect(failed).toMatchObject({ code: "service_failed", message: expect.stringContaining("in the foreground") });
        const seen = await status(workspace_id);
        expect(seen).toMatchObject({ state: "exited", exit_code: 0 });
        expect(seen.stop_reason).toContain("run it in the foreground");
        expect(await processes(workspace_id, "603")).toBe("0");
      });
    });

    it("that does not listen to SIGTERM is killed with all it started after its grace", async () => {
      await kit.within(async (workspace_id) => {
        const script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 604' & touch up; while :; do sleep 604; done";
        await start(workspace_id, shell(script), { ready_file: "up" });
        const began = performance.now();
        const stopped = await kit.pyro.stopService({ workspace_id, service_name: "one", grace_seconds: 1 });
        expect(stopped).toMatchObject({ state: "stopped", exit_code: 137 });
        expect(performance.now() - began).toBeGreaterThan(1000);
        expect(await processes(workspace_id, "604")).toBe("0");
        const orderly = "trap 'sleep 0.3; echo saved; exit 0' TERM; touch up2; while :; do sleep 0.05; done";
        await start(workspace_id, shell(orderly), { ready_file: "up2" });
        const ended = await kit.pyro.stopService({ workspace_id, service_name: "one" });
        expect([ended.exit_code, (await logs(workspace_id)).stdout]).toEqual([0, "saved\n"]);
        // One in a session of its own is told too, and has its time although the first process has gone.
        const apart = `setsid sh -c '${orderly.replaceAll("up2", "up3").replaceAll("'", '"')}' & wait`;
        await start(workspace_id, shell(apart), { ready_file: "up3" });
        const both = await kit.pyro.stopService({ workspace_id, service_name: "one" });
        expect([both.exit_code, (await logs(workspace_id)).stdout]).toEqual([143, "saved\n"]);
      });
    });

    it("has its name alone while it runs, and one readiness", async () => {
      await kit.within(async (workspace_id) => {
        await start(workspace_id, shell("sleep 605"));
        const taken = await error(start(workspace_id, shell("true")));
        expect(taken).toMatchObject({ code: "service_exists", hint: expect.stringContaining("service stop") });
        await kit.refused(status(workspace_id, "other"), "service_not_found");
        await kit.refused(kit.pyro.stopService({ workspace_id, service_name: "other" }), "service_not_found");
        await kit.refused(logs(workspace_id, { service_name: "other" }), "service_not_found");
        const two = start(workspace_id, shell("true"), { service_name: "two", ready_tcp: 1, ready_file: "x" });
        await kit.refused(two, "invalid_input");
        for (const service_name of ["", ".x", "a/b", "x".repeat(64)])
          await kit.refused(start(workspace_id, shell("true"), { service_name }), "invalid_input");
      });
    });

    it("goes with its caller as long as it is not ready", async () => {
      await kit.within(async (workspace_id) => {
        const caller = new AbortController();
        const input = { workspace_id, service_name: "one", command: shell("touch up; sleep 606"), ready_tcp: 1 };
        const started = kit.pyro.startService(input, { signal: caller.signal });
        const gone = kit.refused(started, "cancelled");
        await kit.pyro.waitWorkspace({ workspace_id, file: "up", timeout_seconds: 30 });
        caller.abort();
        await gone;
        await expect.poll(() => processes(workspace_id, "606"), { timeout: 10_000 }).toBe("0");
        expect(await status(workspace_id)).toMatchObject({ state: "stopped" });
      });
    });

    it("is followed by several readers until it ends, and holds up for none", async () => {
      await kit.within(async (workspace_id) => {
        const go = "while [ ! -e go ]; do sleep 0.05; done";
        const script = `echo first; touch said; ${go}; for i in 1 2 3; do echo $i; echo e$i >&2; sleep 0.1; done; exit 5`;
        await start(workspace_id, shell(script), { ready_file: "said" });
        const heard: string[] = [];
        const onEvent = (event: OperationEvent) => {
          if ("data" in event) heard.push(`${event.type} ${Buffer.from(event.data)}`);
        };
        const follow = { workspace_id, service_name: "one", follow: true };
        const readers = [kit.pyro.logsService(follow, { onEvent }), kit.pyro.logsService({ ...follow, tail_lines: 0 })];
        await expect.poll(() => heard.join("")).toContain("stdout first");
        await kit.write(workspace_id, "go", "");
        const [one, other] = await Promise.all(readers);
        expect(one).toMatchObject({ state: "exited", exit_code: 5, stderr: "e1\ne2\ne3\n" });
        expect(one?.stdout).toBe("first\n1\n2\n3\n");
        expect(other?.stdout).toBe("1\n2\n3\n");
      });
    });

    it("that floods its logs is kept taken, and the end of them is there at any time", async () => {
      await kit.within(async (workspace_id) => {
        const flood = "yes flood | head -c 104857600; echo; echo the end; echo other >&2; sleep 607";
        await start(workspace_id, shell(flood));
        // A reader that takes one piece and no more holds up nothing.
        const slow = new AbortController();
        const stuck = kit.pyro
          .logsService(
            { workspace_id, service_name: "one", all: true, follow: true },
            { signal: slow.signal, onEvent: () => delay(600_000, undefined, { signal: slow.signal, ref: false }) },
          )
          .catch(() => undefined);
        const during = async () => (await logs(workspace_id, { tail_lines: 2 })).stdout;
        await expect.poll(during, { timeout: 10_000 }).toMatch(/^flood\n/);
        const last = async () => (await logs(workspace_id, { tail_lines: 1 })).stdout;
        await expect.poll(last, { timeout: 60_000 }).toBe("the end\n");
        const end = await logs(workspace_id, { tail_lines: 3 });
        expect(end).toMatchObject({ stdout: "flood\nfloo\nthe end\n", stderr: "other\n", truncated: true });
        expect(end.stdout_bytes).toBe(104_857_600 + 9);
        const all = await logs(workspace_id, { all: true });
        expect(all.stdout.startsWith("flood\n") && all.stdout.endsWith("the end\n")).toBe(true);
        slow.abort();
        await stuck;
      });
    });

    it("ends with a reset, which forgets it, and with a stop, which does not", async () => {
      await kit.within(async (workspace_id) => {
        await start(workspace_id, shell("trap 'echo saved; exit 0' TERM; touch up; while :; do sleep 0.05; done"), {
          ready_file: "up",
        });
        await kit.pyro.stopWorkspace({ workspace_id });
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({
          service_count: 1,
          running_service_count: 0,
        });
        expect(await status(workspace_id)).toMatchObject({
          state: "stopped",
          exit_code: 0,
          stop_reason: "the workspace was stopped",
        });
        expect((await logs(workspace_id)).stdout).toBe("saved\n");
        await kit.refused(start(workspace_id, shell("true")), "workspace_stopped");
        await kit.pyro.startWorkspace({ workspace_id });
        expect(await status(workspace_id)).toMatchObject({ state: "stopped" });
        await start(workspace_id, shell("sleep 608"));
        await kit.pyro.resetWorkspace({ workspace_id });
        expect(await kit.pyro.listServices({ workspace_id })).toEqual({ services: [] });
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({
          service_count: 0,
          running_service_count: 0,
        });
        expect(await processes(workspace_id, "608")).toBe("0");
      });
    });

    it("is one of fifty that all run", async () => {
      await kit.within(async (workspace_id) => {
        const names = Array.from({ length: 50 }, (_, at) => `service-${at}`);
        await Promise.all(names.map((service_name) => start(workspace_id, shell("sleep 609"), { service_name })));
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ running_service_count: 50 });
        const { services } = await kit.pyro.listServices({ workspace_id });
        expect(services.every(({ state }) => state === "running")).toBe(true);
        expect(new Set(services.map(({ pid }) => pid)).size).toBe(50);
      });
    });
  });
}
