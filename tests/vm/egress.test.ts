/** Connections of common programs in a real guest to servers on this host, through a gate that allows listed names. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statePaths } from "../../src/store/paths.ts";
import { MachineSession, newVmId } from "../../src/workspaces/session.ts";
import { closedPort, closeServers, type Granted, grantEgress, type ListedGate, listedGate } from "../support/egress.ts";
import { openRepository } from "../support/git-server.ts";
import { guestsOf, printed, quiet, SHAPE } from "../support/guests.ts";

const MIB = 1_048_576;
const { source } = guestsOf(statePaths());
const large = Buffer.alloc(100 * MIB, "0123456789abcdefghijklmnopqrstuvwxyz\n");
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** What the web server has: a large file, a repository, and a place that tells the hash of what is sent to it. */
function site(repository: string) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? "/", "http://web.example").pathname;
    if (request.method === "PUT") {
      const hash = createHash("sha256");
      request.on("data", (part) => hash.update(part)).on("end", () => response.end(hash.digest("hex")));
    } else if (path === "/large") response.end(large);
    else if (path === "/part") response.end(large.subarray(0, MIB));
    else if (path.startsWith("/repository.git/")) serveFile(join(repository, path.slice(16)), response);
    else response.end("hello\n");
  };
}

function serveFile(path: string, response: ServerResponse): void {
  try {
    response.end(readFileSync(path));
  } catch {
    response.writeHead(404).end();
  }
}

describe("egress of a guest", () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro-egress-"));
  const web = createServer(site(openRepository(directory, "repository.git")));
  let session: MachineSession;
  let gate: ListedGate;
  let granted: Granted;
  const run = (script: string) => printed(session, script);

  beforeAll(async () => {
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    session = await MachineSession.begin(await source.open(SHAPE, quiet), newVmId(), quiet.signal);
    gate = listedGate({
      "web.example": (web.address() as AddressInfo).port,
      "refused.example": await closedPort(),
    });
  });

  afterAll(async () => {
    await granted?.end();
    await session?.close();
    web.close();
    closeServers();
    rmSync(directory, { recursive: true, force: true });
  });

  it("does not exist before it is granted (NET-01): nothing resolves or connects, and all of it is said at once", async () => {
    expect(await run(offScript)).toBe(OFF);
  });

  it("serves curl, wget and Python by name, of either family", async () => {
    granted = await grantEgress(session.agent, gate);
    const python = "import urllib.request as u; print(u.urlopen('http://web.example:8000/').read())";
    const script = `curl -4sS http://web.example/; curl -6sS http://web.example/; wget -qO- http://web.example/; python3 -c "${python}"`;
    expect(await run(script)).toBe("hello\nhello\nhello\nb'hello\\n'\n");
    expect(gate.opened.map(({ host, port }) => `${host}:${port}`)).toEqual([
      ...Array.from({ length: 3 }, () => "web.example:80"),
      "web.example:8000",
    ]);
  });

  it("tells which command asks", async () => {
    const started: number[] = [];
    const ended = await session.exec({
      argv: ["sh", "-c", "curl -sS http://web.example/ >/dev/null; setsid curl -sS http://web.example/ >/dev/null"],
      timeout_ms: 60_000,
      stdin: undefined,
      onOutput: () => {},
      onStart: (pid) => void started.push(pid),
      signal: quiet.signal,
    });
    expect(ended.exit_code).toBe(0);
    expect(gate.opened.slice(-2).map(({ pid }) => pid)).toEqual([started[0], started[0]]);
  });

  it("clones with Git", async () => {
    const script = "cd /tmp && rm -rf c && git clone -q http://web.example/repository.git c && cat c/README";
    expect(await run(script)).toBe("from afar\n");
  });

  it("carries 100 MiB down, and 20 MiB up, byte for byte", async () => {
    expect(await run("curl -sS http://web.example/large | sha256sum")).toBe(`${sha256(large)}  -\n`);
    const up = `head -c ${20 * MIB} /dev/zero | curl -sS -T - http://web.example/up`;
    expect(await run(up)).toBe(sha256(Buffer.alloc(20 * MIB)));
  });

  it("carries 32 downloads at once", async () => {
    const one = "curl -sS http://web.example/part | sha256sum";
    const script = `for i in $(seq 32); do (${one}) & done; wait`;
    const lines = (await run(script)).trim().split("\n");
    expect(new Set(lines)).toEqual(new Set([`${sha256(large.subarray(0, MIB))}  -`]));
    expect(lines).toHaveLength(32);
  });

  it("resets what is refused or not there, and lets nobody answer pings", async () => {
    const script = [
      "for host in refused.example 198.51.100.7 '[2001:db8::7]' denied.example; do curl -sS http://$host/ >/dev/null 2>&1; echo $?; done",
      `python3 - <<'END'\n${PINGS}END`,
    ].join("\n");
    // Could not connect, could not send, could not receive: how far a program has come when it is reset.
    const isReset = expect.stringMatching(/^(7|55|56)$/);
    const expected = [isReset, isReset, isReset, "6", "no answer", "refused", "refused"];
    expect((await run(script)).trim().split("\n")).toEqual(expected);
    expect(gate.opened.slice(-3).map(({ host }) => host)).toEqual(["refused.example", "198.51.100.7", "2001:db8::7"]);
  });

  it("ends at once with its stream, and leaves the machine as it was (NET-23)", async () => {
    await granted.end();
    expect(await run(offScript)).toBe(OFF);
    expect(
      await run("cat /etc/resolv.conf; tail -n +2 /proc/net/route; cat /proc/sys/net/ipv4/icmp_echo_ignore_all"),
    ).toBe("0\n");
    granted = await grantEgress(session.agent, gate);
    expect(await run("curl -sS http://web.example/; echo mine >/etc/resolv.conf")).toBe("hello\n");
    await granted.end();
    expect(await run("cat /etc/resolv.conf")).toBe("mine\n");
  });
});

/** Sends an echo request to another machine, and UDP to two. */
const PINGS = `
import socket
ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
ping.settimeout(1)
ping.sendto(bytes.fromhex("0800f7ff00000000"), ("192.0.2.1", 0))
try:
    while ping.recv(200)[20] != 0: pass
    print("answer")
except TimeoutError: print("no answer")
for family, address in (socket.AF_INET, "8.8.8.8"), (socket.AF_INET6, "2001:4860:4860::8888"):
    datagram = socket.socket(family, socket.SOCK_DGRAM)
    datagram.settimeout(1)
    datagram.connect((address, 53))
    datagram.send(b"x")
    try: datagram.recv(1)
    except ConnectionRefusedError: print("refused")
`;
/** What the script below prints of a machine without egress. */
const OFF = "getent 2\ncurl 6\ncurl 7\nudp Network is unreachable\nquick\n";
/** Exit codes, and whether all of it took less than 10 s: four programs under emulation, beside whatever else runs. */
const offScript = `
begun=$(date +%s%N)
getent hosts example.com >/dev/null; echo "getent $?"
curl -s http://example.com; echo "curl $?"
curl -s http://93.184.216.34; echo "curl $?"
python3 - <<'END'
import socket
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))
except OSError as error: print("udp", error.strerror)
END
[ $(( $(date +%s%N) - begun )) -lt 10000000000 ] && echo quick
`;
