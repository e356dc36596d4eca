/** A repository on this host, and what serves it over HTTP as a forge does: Git's own program behind a web server. */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

const HEADERS_END = "\r\n\r\n";

/** Makes a bare repository with one commit, `repository.git` below this directory; it can be served by a web server without Git, too. */
export function bareRepository(below: string): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", below, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
  git("init", "--quiet", "-b", "main", "checkout");
  writeFileSync(join(below, "checkout", "README"), "from afar\n");
  git("-C", "checkout", "add", "README");
  git("-C", "checkout", "commit", "--quiet", "-m", "first");
  git("clone", "--quiet", "--bare", "checkout", "repository.git");
  git("-C", "repository.git", "config", "http.receivepack", "true");
  git("-C", "repository.git", "update-server-info");
  return join(below, "repository.git");
}

/** Serves the repositories below a directory to everybody, pushes included. */
export function gitHandler(below: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://git.example.com");
    const backend = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: below,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: pathname,
        QUERY_STRING: searchParams.toString(),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        HTTP_GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        REMOTE_USER: "somebody",
        REMOTE_ADDR: "127.0.0.1",
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    // One that has had enough of a request closes its input.
    backend.stdin.on("error", () => {});
    request.pipe(backend.stdin);
    const said: Buffer[] = [];
    backend.stdout.on("data", (part: Buffer) => said.push(part)).once("end", () => answer(response, said));
  };
}

function answer(response: ServerResponse, said: readonly Buffer[]): void {
  const whole = Buffer.concat(said);
  const end = whole.indexOf(HEADERS_END);
  const lines = whole.subarray(0, end).toString().split("\r\n");
  const headers = lines.map((line) => line.split(": ", 2) as [string, string]);
  const status = headers.find(([name]) => name === "Status")?.[1] ?? "200";
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers));
  response.end(whole.subarray(end + HEADERS_END.length));
}
