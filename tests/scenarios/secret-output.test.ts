/** A session with secrets: what a command prints last comes, and nobody who does not take it keeps the command from ending. */
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Secrets } from "../../src/workspaces/secrets/secrets.ts";
import { MachineSession, newVmId } from "../../src/workspaces/session.ts";
import { fakeSource } from "../support/fake-machine.ts";

const { signal } = new AbortController();
let session: MachineSession;
beforeAll(async () => {
  const request = { environment: "debian:12", vcpu_count: 1, mem_mib: 1024 };
  const open = await fakeSource.open(request, { signal, emit: () => {} });
  const secrets = new Secrets([{ name: "KEY", value: Buffer.from("secret-value") }]);
  session = await MachineSession.begin(open, newVmId(), signal, secrets);
});
afterAll(() => session.close());

const command = (script: string) => ({
  argv: ["sh", "-c", script],
  timeout_ms: 30_000,
  stdin: undefined,
  cwd: tmpdir(),
});

it("what waits at the end of a command is shown", async () => {
  const heard: string[] = [];
  const onOutput = (kind: string, data: Buffer) => void heard.push(`${kind}: ${data}`);
  await session.exec({ ...command("printf 'a secret-'; printf 'sec' >&2"), signal, onOutput });
  expect(heard.sort()).toEqual(["stderr: sec", "stdout: a ", "stdout: secret-"]);
});

it("a beginning that a kill left is not", async () => {
  const heard: Buffer[] = [];
  const cut = { ...command("printf 'a secret-val'; sleep 60"), timeout_ms: 500 };
  await session.exec({ ...cut, signal, onOutput: (_, data) => void heard.push(Buffer.from(data)) });
  expect(Buffer.concat(heard).toString()).toBe("a [REDACTED]");
});

it("a reader that does not take the last bytes holds up no command that is cancelled", async () => {
  const cancelled = new AbortController();
  const heard: string[] = [];
  let begun = () => {};
  const first = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const onOutput = (_: string, data: Buffer) => {
    heard.push(String(data));
    begun();
    return heard.length === 1 ? undefined : new Promise<void>(() => {});
  };
  const running = session.exec({ ...command("printf 'a secret'; sleep 60"), signal: cancelled.signal, onOutput });
  await first;
  cancelled.abort();
  await expect(running).rejects.toMatchObject({ code: "cancelled" });
  expect(heard).toEqual(["a ", "secret"]);
});
