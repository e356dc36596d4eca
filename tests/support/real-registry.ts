/** Debian's docker-registry on this machine with a store of its own, and skopeo to fill it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, createServer as listen } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const programs = ["docker-registry", "skopeo"] as const;

/** Those that are not installed; tests that need them are skipped, unless PYRO_TEST_REGISTRY=1 says that they must run. */
export const missingPrograms: readonly string[] = programs.filter((name) => !existsSync(`/usr/bin/${name}`));
export const mustRun = process.env["PYRO_TEST_REGISTRY"] === "1";

/** Whom a registry with passwords lets in, and what it keeps of that. */
export const login = { username: "me", password: "pass-word" } as const;
const PASSWORDS = "me:$2y$05$GXWcbivPDIX6etrzYr65MO17ZEHFX4.8p5XO9otsQ6nt.uGpT0.1.\n";

export class RealRegistry {
  readonly directory = mkdtempSync(join(tmpdir(), "pyro-docker-registry-"));
  readonly host: string;
  readonly #child: ChildProcess;
  readonly #has_passwords: boolean;

  private constructor(port: number, has_passwords: boolean) {
    this.host = `127.0.0.1:${port}`;
    this.#has_passwords = has_passwords;
    writeFileSync(join(this.directory, "config.yml"), this.#config());
    writeFileSync(join(this.directory, "passwords"), PASSWORDS);
    const args = ["serve", join(this.directory, "config.yml")];
    this.#child = spawn("/usr/bin/docker-registry", args, { stdio: "ignore" });
  }

  static async start(has_passwords = false): Promise<RealRegistry> {
    const registry = new RealRegistry(await freePort(), has_passwords);
    for (let tried = 0; !(await answers(registry.host)); tried += 1) {
      if (tried === 200) throw new Error("docker-registry does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return registry;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
    rmSync(this.directory, { recursive: true });
  }

  /** Copies between what skopeo calls places, such as `oci:DIRECTORY:TAG` and `docker://HOST/NAME`. */
  copy(from: string, to: string, ...options: readonly string[]): void {
    const creds = (side: string) =>
      this.#has_passwords ? [`--${side}-creds=${login.username}:${login.password}`] : [];
    const sides = [from.startsWith("docker://") ? "src" : "", to.startsWith("docker://") ? "dest" : ""];
    const flags = sides.flatMap((side) => (side === "" ? [] : [`--${side}-tls-verify=false`, ...creds(side)]));
    const args = ["copy", "--insecure-policy", ...flags, ...options, from, to];
    const { status, stderr } = spawnSync("/usr/bin/skopeo", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`skopeo: ${stderr}`);
  }

  #config(): string {
    const auth = { htpasswd: { realm: "tests", path: join(this.directory, "passwords") } };
    return JSON.stringify({
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(this.directory, "store") } },
      http: { addr: this.host },
      ...(this.#has_passwords && { auth }),
    });
  }
}

/** Stands before a registry, counts what it sends, and cuts connections where a test says so. */
export class CountingGate {
  sent_bytes = 0;
  /** Ends the next answer of that many bytes or more after half of it */
  cut_from = Number.POSITIVE_INFINITY;
  readonly #server: Server;

  private constructor(host: string) {
    this.#server = createServer((message, response) => {
      const [address, port] = host.split(":");
      const headers = { ...message.headers, host };
      const { method, url } = message;
      const passed = request({ host: address, port, method, path: url, headers }, (answer: IncomingMessage) => {
        const length = Number(answer.headers["content-length"] ?? 0);
        const is_cut = length >= this.cut_from;
        if (is_cut) this.cut_from = Number.POSITIVE_INFINITY;
        let left = is_cut ? Math.floor(length / 2) : Number.POSITIVE_INFINITY;
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.on("data", (chunk: Buffer) => {
          const part = chunk.subarray(0, left);
          left -= part.length;
          this.sent_bytes += part.length;
          response.write(part, () => left === 0 && response.destroy());
        });
        answer.on("end", () => left > 0 && response.end());
      });
      passed.on("error", () => response.destroy());
      response.on("close", () => passed.destroy());
      message.pipe(passed);
    });
  }

  static async start(host: string): Promise<CountingGate> {
    const gate = new CountingGate(host);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function freePort(): Promise<number> {
  const server = listen();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(`http://${host}/v2/`, (answer) => resolve(answer.resume() !== undefined));
    asked.on("error", () => resolve(false));
  });
}
