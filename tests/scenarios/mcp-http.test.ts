/** The server over HTTP: who may speak to it, where it listens, where its token is, and that its clients stay apart. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import { type HttpServer, overHttp, startHttp } from "../support/mcp.ts";

const TOKEN = "a-token-of-this-test-alone";

let fake: FakeMcp;
let server: HttpServer;
beforeAll(async () => {
  fake = await openFakeMcp();
  server = await startHttp(fake.server(["--http", "0"], { PYRO_MCP_TOKEN: TOKEN }));
});
afterAll(async () => {
  await server.close();
  fake.close();
});

/** Status of a request with exactly these headers; no Host where none is given. */
async function ask(headers: Record<string, string>, path = "/mcp", port = server.port): Promise<number> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} });
  const common = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
  const asked = request({
    host: "127.0.0.1",
    port,
    path,
    method: "POST",
    setHost: false,
    headers: { ...common, ...headers },
  });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  answer.resume();
  return answer.statusCode ?? 0;
}

const authorization = { Authorization: `Bearer ${TOKEN}` };
const own = () => ({ Host: `127.0.0.1:${server.port}` });

describe("a request", () => {
  it("with the server's own name and the token is answered", async () => {
    expect(await ask({ ...own(), ...authorization })).toBe(200);
    expect(await ask({ Host: `localhost:${server.port}`, ...authorization })).toBe(200);
    expect(await ask({ ...own(), ...authorization, Origin: `http://localhost:${server.port}` })).toBe(200);
  });

  it.each([
    "evil.com",
    "127.0.0.1.evil.com:PORT",
    "evil.com:PORT",
    "[::1]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "2130706433:PORT",
    "127.1:PORT",
    "localhost.:PORT",
    "user@127.0.0.1:PORT",
    "127.0.0.1:PORT, evil.com",
    "",
  ])("for the host %j is forbidden", async (host) => {
    expect(await ask({ Host: host.replace("PORT", String(server.port)), ...authorization })).toBe(403);
  });

  it("without a host is forbidden", async () => {
    expect(await ask(authorization)).toBe(403);
  });

  it.each([
    "null",
    "http://localhost.evil",
    "http://evil.com",
    "https://127.0.0.1:PORT",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "file://",
    "",
  ])("from the origin %j is forbidden", async (origin) => {
    const headers = { ...own(), ...authorization, Origin: origin.replace("PORT", String(server.port)) };
    expect(await ask(headers)).toBe(403);
  });

  it("with a cookie and no origin is forbidden", async () => {
    expect(await ask({ ...own(), ...authorization, Cookie: "a=b" })).toBe(403);
  });

  it.each<[string, Record<string, string>, string]>([
    ["none", {}, "/mcp"],
    ["a wrong one", { Authorization: "Bearer wrong-token-of-somebody" }, "/mcp"],
    ["a part of it", { Authorization: `Bearer ${TOKEN.slice(0, -1)}` }, "/mcp"],
    ["another scheme", { Authorization: `Basic ${TOKEN}` }, "/mcp"],
    ["one in the address", {}, `/mcp?token=${TOKEN}&access_token=${TOKEN}`],
    ["an empty one", { Authorization: "Bearer " }, "/mcp"],
  ])("is not authorized with %s", async (_, headers, path) => {
    expect(await ask({ ...own(), ...headers }, path)).toBe(401);
  });

  it("for another path finds nothing", async () => {
    expect(await ask({ ...own(), ...authorization }, "/")).toBe(404);
  });

  it("that is larger than a message may be is refused", async () => {
    const headers = { Host: `127.0.0.1:${server.port}`, ...authorization, "Content-Type": "application/json" };
    const answer = await fetch(server.url, { method: "POST", headers, body: "x".repeat(17 * 1_048_576) });
    expect(answer.status).toBe(413);
  });
});

describe("the token", () => {
  it("is made once, kept for the user alone, and told where, never what", async () => {
    const path = join(fake.host.store.paths.data, "mcp-token");
    const first = await startHttp(fake.server(["--http", "127.0.0.1:0"]));
    const token = readFileSync(path, "utf8").trim();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.said()).toContain(path);
    expect(first.said()).not.toContain(token);
    expect(await ask({ Host: `127.0.0.1:${first.port}`, Authorization: `Bearer ${token}` }, "/mcp", first.port)).toBe(
      200,
    );
    await first.close();
    const second = await startHttp(fake.server(["--http", "0"]));
    expect(readFileSync(path, "utf8").trim()).toBe(token);
    await second.close();
  });

  it("that others may have read is replaced", async () => {
    const path = join(fake.host.store.paths.data, "mcp-token");
    writeFileSync(path, "a-token-that-everybody-knows\n", { mode: 0o644 });
    const { chmodSync } = await import("node:fs");
    chmodSync(path, 0o644);
    const third = await startHttp(fake.server(["--http", "0"]));
    expect(readFileSync(path, "utf8")).not.toContain("everybody");
    await third.close();
  });
});

describe("a place to listen", () => {
  it.each(["0.0.0.0:0", "[::]:0", "127.0.0.1:99999", "localhost", "http://127.0.0.1:1"])(
    "is refused: %s",
    async (place) => {
      const { command, args, env } = fake.server(["--http", place]);
      const child = spawn(command, [...args], { env, stdio: "ignore" });
      const [status] = await once(child, "exit");
      expect(status).toBe(2);
    },
  );
});

describe("two clients over HTTP", () => {
  it("get each their own answers", async () => {
    const sessions = await Promise.all([overHttp(server.url, TOKEN), overHttp(server.url, TOKEN)]);
    const wrong = await Promise.all(
      sessions.map(async ({ call }, who) => {
        const fields = Array.from({ length: 300 }, (_, one) => `field_${who}_${one}`);
        const replies = await Promise.all(fields.map((field) => call("workspace_exec", { [field]: true })));
        return replies.filter(({ text }, one) => !text.includes(`has no field "${fields[one]}"`)).length;
      }),
    );
    expect(wrong).toEqual([0, 0]);
    await Promise.all(sessions.map((session) => session.close()));
  });

  it("cancel what they asked for when they go away", async () => {
    const session = await overHttp(server.url, TOKEN);
    await session.call("workspace_create", { name: "http" });
    const gone = new AbortController();
    const command = ["sh", "-c", "touch began; sleep 60"];
    const call = session
      .call("workspace_exec", { workspace_id: "http", command, timeout_seconds: 60 }, { signal: gone.signal })
      .catch(() => "cancelled");
    const began = async () =>
      (await session.call("workspace_file_read", { workspace_id: "http", path: "began" })).isError;
    await expect.poll(began, { timeout: 10_000 }).toBe(false);
    gone.abort();
    expect(await call).toBe("cancelled");
    const ended = async () => {
      const { data } = await session.call("workspace_logs", { workspace_id: "http" });
      return (data["commands"] as { outcome_kind: string | null }[])[0]?.outcome_kind;
    };
    await expect.poll(ended, { timeout: 10_000 }).toBe("cancelled");
    await session.call("workspace_delete", { workspace_id: "http" });
    await session.close();
  });
});
