/** Published ports: what they carry, what they refuse, and that they live exactly as long as their service. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { PyroMethods } from "../../../src/sdk/pyro.ts";
import { portServer } from "../../support/port-server.ts";
import { connected, firstBytes, freePort, listenersAt, over } from "../../support/ports.ts";
import type { Kit } from "./kit.ts";

type Start = Parameters<PyroMethods["startService"]>[0];

const open = { network_policy: "egress+published-ports" } as const;
const shell = (script: string) => ["sh", "-c", script];
/** Longest time that a port may outlive its service, in milliseconds. */
const CLOSED_MS = 1000;

/** `keeperOf` gives the process that keeps a workspace. */
export function portScenarios(kit: Kit, keeperOf: (workspace_id: string) => number | undefined): void {
  const start = (workspace_id: string, command: string[], more: Partial<Start> = {}) =>
    kit.pyro.startService({ workspace_id, service_name: "web", command, ready_interval_ms: 50, ...more });
  /** Serves `portServer`, and gives its port on this machine. */
  const serving = async (workspace_id: string): Promise<number> => {
    await kit.write(workspace_id, "server.py", portServer);
    const port = await freePort();
    const command = ["python3", "server.py", String(port)];
    const { published_ports } = await start(workspace_id, command, { publish: [String(port)], ready_tcp: port });
    return published_ports[0]?.host_port ?? expect.fail("nothing is published");
  };
  const exec = async (workspace_id: string, script: string) =>
    (await kit.pyro.execWorkspace({ workspace_id, command: shell(script), timeout_seconds: 120 })).stdout;
  const saying = async (port: number, line: string): Promise<Socket> => {
    const socket = await connected(port);
    socket.write(line);
    return socket;
  };

  describe("a published port", () => {
    it("is on 127.0.0.1 alone, is said everywhere, and carries HTTP and WebSocket", async () => {
      await kit.within(async (workspace_id) => {
        const host_port = await serving(workspace_id);
        expect(listenersAt(host_port)).toEqual([`0100007F:${host_port.toString(16).toUpperCase().padStart(4, "0")}`]);
        const { published_ports } = await kit.pyro.statusWorkspace({ workspace_id });
        expect(published_ports).toMatchObject([{ service: "web", host: "127.0.0.1", host_port }]);
        const { services } = await kit.pyro.summarizeWorkspace({ workspace_id });
        expect(services[0]).toContain(`127.0.0.1:${host_port} -> `);
        const socket = await saying(host_port, upgradeRequest);
        expect(await firstBytes(socket)).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (const word of ["hello", "x".repeat(1000)]) {
          socket.write(maskedFrame(word));
          expect((await firstBytes(socket)).slice(word.length < 126 ? 2 : 4)).toBe(word);
        }
        socket.destroy();
        const broken = await saying(host_port, "break\n");
        expect(await firstBytes(broken)).toBe("begun\n");
        const failed = new Promise((resolve) => void broken.once("error", resolve));
        broken.write("go\n");
        expect(await failed).toMatchObject({ code: "ECONNRESET" });
        const guest_port = await freePort();
        const command = ["python3", "-m", "http.server", String(guest_port)];
        const more = { service_name: "http", publish: [`${guest_port}`], ready_tcp: guest_port };
        const { published_ports: ports } = await start(workspace_id, command, more);
        const page = await fetch(`http://127.0.0.1:${ports[0]?.host_port}/server.py`);
        expect([page.status, await page.text()]).toEqual([200, portServer]);
      }, open);
    });

    it("carries 100 MiB byte for byte, and each way's end by itself", async () => {
      await kit.within(async (workspace_id) => {
        const sum = await exec(workspace_id, "head -c 104857600 /dev/urandom >big; sha256sum <big");
        const guest_port = await freePort();
        const command = ["python3", "-m", "http.server", String(guest_port)];
        const more = { service_name: "http", publish: [String(guest_port)], ready_tcp: guest_port };
        const { published_ports } = await start(workspace_id, command, more);
        const { body } = await fetch(`http://127.0.0.1:${published_ports[0]?.host_port}/big`);
        const hash = createHash("sha256");
        let bytes = 0;
        for await (const chunk of body ?? []) {
          hash.update(chunk);
          bytes += chunk.length;
        }
        expect([bytes, hash.digest("hex")]).toEqual([104_857_600, sum.split(" ")[0]]);
        const socket = await saying(await serving(workspace_id), "reverse\n");
        const sent = randomBytes(1_048_576).toString("hex");
        socket.end(sent);
        expect((await text(socket)) === [...sent].reverse().join("")).toBe(true);
      }, open);
    });

    it("takes 256 connections and closes more at once, and the workspace goes on beside them", async () => {
      await kit.within(async (workspace_id) => {
        const port = await serving(workspace_id);
        const sockets = await Promise.all(Array.from({ length: 300 }, () => saying(port, "hold\n")));
        const answers = await Promise.all(sockets.map(firstBytes));
        expect(answers.filter((said) => said === "held\n")).toHaveLength(256);
        expect(answers.filter((said) => said === "")).toHaveLength(44);
        expect(await exec(workspace_id, "echo beside")).toBe("beside\n");
        for (const socket of sockets) socket.resetAndDestroy();
        const again = async () => {
          const socket = await saying(port, "hold\n");
          const said = await firstBytes(socket);
          socket.resetAndDestroy();
          return said;
        };
        await expect.poll(again, { timeout: 10_000 }).toBe("held\n");
      }, open);
    });

    it("is not held up by readers that do not read, or clients that say nothing", async () => {
      await kit.within(async (workspace_id) => {
        const port = await serving(workspace_id);
        const stuck = await Promise.all([
          ...Array.from({ length: 100 }, () => saying(port, "flood\n")),
          ...Array.from({ length: 50 }, () => saying(port, "")),
        ]);
        for (const socket of stuck) socket.pause();
        const socket = await saying(port, "reverse\n");
        socket.end("abc");
        expect(await text(socket)).toBe("cba");
        expect(await exec(workspace_id, "echo beside")).toBe("beside\n");
        await kit.pyro.stopService({ workspace_id, service_name: "web" });
        expect(listenersAt(port)).toEqual([]);
        for (const one of stuck) one.resume();
        await Promise.all(stuck.map(over));
      }, open);
    });

    it("is refused where it makes no sense, is taken, or is not permitted", async () => {
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as AddressInfo;
      await kit.within(async (workspace_id) => {
        const bad = ["80:80", "1023:80", "0:0", "65536:80", "8080:65536", "0", "8080;rm", "-1", "1.5", "a:b", ""];
        for (const publish of [...bad, "127.0.0.1:80:80", "99999999999"])
          await kit.refused(start(workspace_id, shell("sleep 600"), { publish: [publish] }), "invalid_input");
        await kit.refused(start(workspace_id, shell("sleep 600"), { publish: ["80", "80"] }), "invalid_input");
        const taken = start(workspace_id, shell("sleep 600"), { publish: [`${port}:80`] });
        await expect(taken).rejects.toMatchObject({ code: "port_taken", details: { pid: process.pid } });
        expect(await kit.pyro.listServices({ workspace_id })).toEqual({ services: [] });
        const first = await start(workspace_id, shell("sleep 600"), { publish: ["0:80"] });
        const host_port = first.published_ports[0]?.host_port ?? 0;
        expect(host_port).toBeGreaterThan(1023);
        await kit.within(async (id) => {
          await expect(start(id, shell("sleep 600"), { publish: [`${host_port}:80`] })).rejects.toMatchObject({
            code: "port_taken",
            details: { workspace_id, service_name: "web" },
          });
        }, open);
        expect(await firstBytes(await connected(host_port))).toBe("");
      }, open);
      for (const network_policy of ["off", "egress"] as const)
        await kit.within(
          async (workspace_id) => {
            await kit.refused(start(workspace_id, shell("sleep 600"), { publish: ["8000"] }), "ports_not_allowed");
            expect(await kit.pyro.listServices({ workspace_id })).toEqual({ services: [] });
          },
          { network_policy },
        );
      other.close();
    });

    it.each(["stopped", "crashed", "reset", "workspace stopped", "deleted", "keeper killed"])(
      "is closed within a second, with its connections: %s",
      async (how) => {
        await kit.within(async (workspace_id) => {
          const port = await serving(workspace_id);
          const socket = await saying(port, "hold\n");
          expect(await firstBytes(socket)).toBe("held\n");
          const closed = over(socket);
          const ends: Readonly<Record<string, () => Promise<unknown>>> = {
            stopped: () => kit.pyro.stopService({ workspace_id, service_name: "web" }),
            crashed: () => exec(workspace_id, "pkill -KILL -f '[s]erver.py'; sleep 0.1"),
            reset: () => kit.pyro.resetWorkspace({ workspace_id }),
            "workspace stopped": () => kit.pyro.stopWorkspace({ workspace_id }),
            deleted: () => kit.pyro.deleteWorkspace({ workspace_id }),
            "keeper killed": async () => {
              const keeper = keeperOf(workspace_id) ?? expect.fail("it has no keeper");
              process.kill(keeper, "SIGKILL");
            },
          };
          await ends[how]?.();
          await expect.poll(() => listenersAt(port), { timeout: CLOSED_MS, interval: 20 }).toEqual([]);
          await closed;
        }, open);
      },
    );
  });
}

const upgradeRequest = [
  "GET /chat HTTP/1.1",
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n");

/** A text frame as a client sends it. */
function maskedFrame(word: string): Buffer {
  const mask = randomBytes(4);
  const body = Buffer.from(word).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  const size = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...size]), mask, body]);
}
