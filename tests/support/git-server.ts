/** A Git server over https on this machine's loopback: the real `git http-backend`, or whatever a test answers in its place. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";
import type { CloneSurroundings } from "../../src/workspaces/repository/repo-host.ts";
import { certificateFor } from "./certificates.ts";

export const HOST = "git.example";
/** A public address that is led to the loopback. */
export const PUBLIC = "93.184.216.34";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface GitServer {
  readonly port: number;
  /** Certificate that its clients must trust */
  readonly ca: string;
  /** Directory of its repositories */
  readonly root: string;
  /** Requests so far, each as its method, path and what it was let in by */
  readonly requests: string[];
  /** Answers in place of the real server while it is set; undefined leaves a request to that */
  answer: ((request: IncomingMessage) => Answer | undefined) | undefined;
  /** Connections that are open */
  connections(): Promise<number>;
  url(repository: string): string;
  /** A network on which the host's name leads to this server, and so does its public address */
  surroundings(more?: Partial<CloneSurroundings>): CloneSurroundings;
  close(): Promise<void>;
}

/** Serves the repositories below a directory. */
export async function serveGit(root: string): Promise<GitServer> {
  const { key, cert } = certificateFor(HOST, "127.0.0.1");
  mkdirSync(root, { recursive: true });
  const requests: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    requests.push([request.method, request.url, request.headers.authorization ?? "-"].join(" "));
    const answer = own.answer?.(request) ?? ((incoming, outgoing) => gitBackend(root, incoming, outgoing));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connect: CloneSurroundings["network"]["connect"] = async (address, to, signal) => {
    const { socket } = await connectToAddress("127.0.0.1", to, signal);
    return { socket, peer: address };
  };
  const network = { lookup: async () => [PUBLIC], connect, ownAddresses: () => ["127.0.0.1"] };
  const own: GitServer = {
    port,
    ca: cert,
    root,
    requests,
    answer: undefined,
    connections: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    url: (repository) => `https://${HOST}:${port}/${repository}`,
    surroundings: (more = {}) => ({ network, ca: cert, ...more }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return own;
}

/** The real thing, as a web server calls it; whoever asks is somebody who may push. */
export function gitBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "", `https://${HOST}`);
  const child = spawn("git", ["-c", "uploadpack.allowAnySHA1InWant=true", "http-backend"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REQUEST_METHOD: request.method ?? "",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      REMOTE_USER: "somebody",
      REMOTE_ADDR: "127.0.0.1",
      ...(request.headers["content-length"] && { CONTENT_LENGTH: request.headers["content-length"] }),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  response.once("close", () => child.kill());
  let head = Buffer.alloc(0);
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    child.stdout.off("data", onHead);
    const headers = head.toString("latin1", 0, end).split("\r\n");
    const fields = headers.map((line): [string, string] => [line.split(": ")[0] ?? "", line.split(": ")[1] ?? ""]);
    const status = Number(fields.find(([field]) => field === "Status")?.[1]?.split(" ")[0] ?? 200);
    response.writeHead(status, Object.fromEntries(fields.filter(([field]) => field !== "Status")));
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on("data", onHead);
  child.stdout.on("end", () => response.end());
}

/** Makes a bare repository below `root` by a script that runs in its checkout, and gives what the script printed. */
export function makeRepository(root: string, repository: string, script: string, format = "sha1"): string {
  const checkout = join(root, `.${repository}.checkout`);
  const prepare = `git init -q --object-format=${format} -b main '${checkout}' && cd '${checkout}'`;
  const finish = `git clone -q --bare --no-local . '${join(root, repository)}'`;
  const git = `git() { command git -c user.name=a -c user.email=a -c protocol.file.allow=always "$@"; }`;
  const whole = `set -e; export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1; ${git}; ${prepare}; ${script}\n${finish} >&2`;
  return execFileSync("/bin/bash", ["-c", whole], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** Makes a bare repository of one commit, to which may be pushed, and which a web server without Git can serve too; gives its path. */
export function openRepository(root: string, repository: string): string {
  makeRepository(root, repository, "echo from afar > README; git add .; git commit -qm first");
  const git = (...args: string[]) => execFileSync("git", ["-C", join(root, repository), ...args]);
  git("config", "http.receivepack", "true");
  git("update-server-info");
  return join(root, repository);
}
