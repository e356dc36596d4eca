/** Programs of a real guest at the gate: what is allowed gets through, what is not is told, and the policy holds. */
import { readdirSync } from "node:fs";
import { createServer as createWeb, type ServerResponse } from "node:http";
import { createServer as createSecureWeb } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GateSurroundings } from "../../src/network/egress-gate.ts";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";
import type { PyroMethods } from "../../src/sdk/pyro.ts";
import { certificateFor } from "../support/certificates.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { type GatedHome, openGatedHome } from "../support/gated-home.ts";
import { patience } from "../support/patience.ts";

const PUBLIC = "8.8.8.8";
const names: Readonly<Record<string, readonly string[]>> = {
  "web.example.com": [PUBLIC],
  "front.example.com": [PUBLIC],
  "inside.example.com": [PUBLIC, "192.168.0.1"],
};

/** Opens 300, and holds them. */
const manyConnections = `
import select, socket, time
held = [socket.socket() for _ in range(300)]
for one in held:
    one.settimeout(20)
    try:
        one.connect(("web.example.com", 80))
    except OSError:
        pass
gone = set()
end = time.time() + 30
while len(gone) < 50 and time.time() < end:
    gone.update(select.select([one for one in held if one not in gone], [], [], 1)[0])
`;

const asked: string[] = [];
/** Answers that do not end */
const held: ServerResponse[] = [];
const web = createWeb((request, response) => {
  if (request.url !== "/endless") return void response.end("hello\n");
  held.push(response);
  response.write("and so on\n");
});
const secure = createSecureWeb(
  certificateFor("web.example.com"),
  (_, response) => void response.end("hello, in private\n"),
);
let home: GatedHome;
let pyro: PyroMethods;

/** The public network, whose every server is this host's. */
const surroundings: GateSurroundings = {
  lookup: async (name) => {
    asked.push(name);
    return names[name] ?? [];
  },
  connect: async (address, port, signal) => {
    const server = port === 443 ? secure : web;
    const { socket } = await connectToAddress("127.0.0.1", (server.address() as AddressInfo).port, signal);
    return { socket, peer: address };
  },
  ownAddresses: () => [],
};

beforeAll(async () => {
  await Promise.all([web, secure].map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))));
  home = await openGatedHome("gate", surroundings);
  pyro = home.pyro;
});

afterAll(async () => {
  await home?.close();
  for (const server of [web, secure]) server.close();
});

describe("a workspace whose egress is narrowed", () => {
  let workspace_id = "";
  const run = (script: string) =>
    pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script], timeout_seconds: 60 });

  beforeAll(async () => {
    const allow_egress = ["web.example.com", "inside.example.com"];
    const made = { environment: ENVIRONMENT, network_policy: "egress", allow_egress } as const;
    workspace_id = (await pyro.createWorkspace(made)).workspace_id;
  });

  afterAll(async () => {
    if (workspace_id !== "") await pyro.deleteWorkspace({ workspace_id });
  });

  const allowed = async () => {
    const { stdout, outcome } = await run("curl -sS http://web.example.com/; curl -ksS https://web.example.com/");
    expect(stdout).toBe("hello\nhello, in private\n");
    expect(outcome).toEqual({ kind: "exited", detail: expect.any(String), remedy: null, retry_safe: false });
  };
  const denied = async () => {
    const { exit_code, outcome } = await run("curl -sS http://evil.example.com/");
    expect(exit_code).not.toBe(0);
    expect(outcome).toMatchObject({
      kind: "network_denied",
      network_denied: [{ host: "evil.example.com", port: null, rule: "not_listed" }],
    });
  };

  it("reaches what is listed, with TLS and without, and nothing is denied", allowed);

  it("asks nobody for a name that is not listed, and says so in the outcome", async () => {
    asked.length = 0;
    await denied();
    expect(asked).toEqual([]);
  });

  it.each([
    ["a port that is not listed", "curl -sS http://web.example.com:8080/", "web.example.com", 8080, "port_not_listed"],
    [
      "a name with a private address",
      "curl -sS http://inside.example.com/",
      "inside.example.com",
      80,
      "resolved_to_private",
    ],
    ["the metadata server", "curl -sS http://169.254.169.254/", "169.254.169.254", 80, "address_not_listed"],
    [
      "the host's loopback, translated",
      "curl -sS http://[64:ff9b::7f00:1]/",
      "64:ff9b::7f00:1",
      80,
      "address_not_listed",
    ],
    ["an address", `curl -sS http://${PUBLIC}/`, PUBLIC, 80, "address_not_listed"],
    [
      "another name in TLS",
      "curl -ksS --connect-to front.example.com:443:web.example.com:443 https://front.example.com/",
      "web.example.com",
      443,
      "sni_mismatch",
    ],
    ["no TLS on its port", "curl -sS http://web.example.com:443/", "web.example.com", 443, "sni_mismatch"],
  ])("does not reach %s, and says why", async (_, script, host, port, rule) => {
    const { exit_code, outcome, duration_ms } = await run(script);
    expect(exit_code).not.toBe(0);
    expect(outcome).toMatchObject({ kind: "network_denied", network_denied: [{ host, port, rule }] });
    expect(duration_ms).toBeLessThan(10_000);
  });

  it("has its denials in the outcome of a command that does well", async () => {
    const { outcome } = await run("curl -s http://web.example.com:8080/; true");
    expect(outcome).toMatchObject({ kind: "exited", network_denied: [{ port: 8080 }] });
  });

  it("has 250 connections at once and no more, and leaves none of them", async () => {
    const openFiles = () => readdirSync("/proc/self/fd").length;
    const before = openFiles();
    await pyro.resetWorkspace({ workspace_id });
    const { outcome } = await run(`python3 -c '${manyConnections}'`);
    expect(outcome?.network_denied).toMatchObject([{ rule: "too_many_connections" }]);
    const { allowed_count, denied_count } = await pyro.networkInfoVm({ workspace_id });
    expect(allowed_count).toBe(250);
    // A program may have gone before the last of its connections was decided on.
    expect(denied_count).toBeGreaterThan(40);
    expect(outcome?.network_denied_count).toBeGreaterThan(40);
    while ((await pyro.networkInfoVm({ workspace_id })).open_count > 0) await delay(10);
    while (openFiles() > before) await delay(10);
  });

  it.each([
    ["reset", async () => void (await pyro.resetWorkspace({ workspace_id }))],
    ["stopped", async () => void (await pyro.stopWorkspace({ workspace_id }))],
  ])(
    "has no connection left a second after it was to be %s, which is how a policy is tightened (NET-22)",
    async (_, end) => {
      held.length = 0;
      await pyro.startWorkspace({ workspace_id });
      const command = ["curl", "-sSN", "http://web.example.com/endless"];
      await pyro.execWorkspace({ workspace_id, command, detach: true });
      while (held.length === 0) await delay(10);
      const { socket } = held[0] ?? expect.fail("nothing is held");
      socket?.on("error", () => {});
      const gone = new Promise<number>((resolve) => socket?.once("close", () => resolve(performance.now())));
      const began = performance.now();
      const [, closed] = await Promise.all([end(), gone]);
      expect(closed - began).toBeLessThan(1000 * patience);
      await pyro.startWorkspace({ workspace_id });
    },
  );

  it("keeps all of it after a reset, and after a stop and a start", async () => {
    await pyro.resetWorkspace({ workspace_id });
    await allowed();
    await denied();
    await pyro.stopWorkspace({ workspace_id });
    await pyro.startWorkspace({ workspace_id });
    await allowed();
    await denied();
    const { connections, bytes_down } = await pyro.networkInfoVm({ workspace_id });
    expect(connections.map(({ host, verdict }) => `${verdict} ${host}`)).toEqual([
      "allowed web.example.com",
      "allowed web.example.com",
      ...connections.slice(2).map(() => "denied evil.example.com"),
    ]);
    expect(bytes_down).toBeGreaterThan(0);
  });
});

describe("a machine for one command", () => {
  it("reaches every public name with a network, and nothing without", async () => {
    const input = {
      environment: ENVIRONMENT,
      command: ["curl", "-sS", "http://front.example.com/"],
      timeout_seconds: 60,
    };
    expect(await pyro.runInVm({ ...input, network: true })).toMatchObject({ stdout: "hello\n", network_enabled: true });
    expect((await pyro.runInVm(input)).exit_code).not.toBe(0);
  });
});
