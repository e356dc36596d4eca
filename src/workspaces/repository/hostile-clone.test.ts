/** Clones from servers that lie, stall or flood, and of repositories that are traps: each ends in a typed error, and nothing is left (GIT-06). */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../../tests/support/bundle.ts";
import { type CloneOptions, cloned } from "../../../tests/support/cloned.ts";
import { type GitServer, makeRepository, serveGit } from "../../../tests/support/git-server.ts";
import { descendants, survivors, untilEmpty } from "../../../tests/support/leftovers.ts";
import { treeLimits } from "../../contract/tree-check.ts";
import { cloneLimits } from "./limits.ts";
import { readPack } from "./pack.ts";

let server: GitServer;
let root = "";

/** Objects that no git would make, each as a commit of its own repository. */
const traps: Readonly<Record<string, string>> = {
  dotgit: String.raw`tree "100644 .git\0$blob"`,
  "dotgit in capitals": String.raw`tree "40000 .GIT\0$empty"`,
  "dot dot": String.raw`tree "40000 ..\0$empty"`,
  "a slash": String.raw`tree "100644 a/b\0$blob"`,
  twins: String.raw`tree "100644 a\0$blob" "100644 a\0$blob"`,
  "a link and what is below it": String.raw`tree "120000 a\0$link" "40000 a\0$empty"`,
  gitmodules: String.raw`tree "120000 .gitmodules\0$link"`,
};
const TRAP = `
blob=$(echo x | git hash-object -w --stdin); link=$(printf /etc | git hash-object -w --stdin); empty=$(git mktree </dev/null)
tree() { local t=$({ for e; do printf "\${e%\\\\0*}"; printf '\\0'; printf "\${e##*\\\\0}" | sed 's/../\\\\x&/g' | { read -r h; printf "$h"; }; done; } | git hash-object -t tree -w --stdin --literally)
  git update-ref HEAD $(git commit-tree -m t $t </dev/null); git config transfer.fsckObjects false; }
`;
/** Ten entries in each of nine directories of directories: some objects, a billion files. */
const TREE_BOMB = `t=$(echo x | git hash-object -w --stdin); m=100644\\ blob
for level in 1 2 3 4 5 6 7 8 9; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '%b %s\\t%s\\n' "$m" $t $n; done | git mktree); m=040000\\ tree; done
git update-ref HEAD $(git commit-tree -m t $t </dev/null)`;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "pyro-hostile-clone-"));
  server = await serveGit(root);
  makeRepository(root, "r.git", "seq 200000 > x; head -c 300000 /dev/urandom > y; git add .; git commit -qm x");
  makeRepository(root, "bomb.git", TREE_BOMB);
  makeRepository(root, "large.git", "head -c 30000000 /dev/zero > x; git add .; git commit -qm x");
  for (const [at, script] of Object.values(traps).entries()) makeRepository(root, `trap${at}.git`, TRAP + script);
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

afterEach(async () => {
  server.answer = undefined;
  expect(
    await untilEmpty(() => descendants(process.pid).filter(({ name }) => /bwrap|bash|git/.test(name)), 5_000),
  ).toEqual([]);
  for (let tries = 0; (await server.connections()) > 0 && tries < 100; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await server.connections()).toBe(0);
});

const refused = (options: CloneOptions = {}, repository = "r.git") =>
  expect(cloned(server, repository, options)).rejects;

/** What a server answers to the request for the pack. */
function answerPack(answer: (response: ServerResponse) => void): void {
  let posts = 0;
  server.answer = (request) => {
    if (request.method === "POST") posts += 1;
    if (posts < 2) return undefined;
    return (_, response) => {
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
      answer(response);
    };
  };
}

const line = (text: string | Buffer) => {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, "0")), body]);
};
const band = (number: number, content: string | Buffer) =>
  line(Buffer.concat([Buffer.of(number), Buffer.from(content)]));
const PACKFILE = line("packfile\n");
const packHeader = (objects: number) => {
  const header = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  header.writeUInt32BE(objects, 8);
  return header;
};

describe("GIT-06 a server", { timeout: 30_000 }, () => {
  const endless = (response: ServerResponse, chunk: Buffer) => {
    const go = () => {
      while (!response.destroyed && response.write(chunk));
      response.once("drain", go);
    };
    go();
  };

  it("that sends a pack without an end is cut off at the limit on bytes", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat([PACKFILE, band(1, packHeader(1000))]);
      for (;;) yield band(1, Buffer.alloc(60_000));
    }
    const limits = { ...cloneLimits, pack_bytes: 8 * 1_048_576 };
    const pack = await readPack(body(), { version: 2, is_cut: true, format: "sha1", limits });
    let size = 0;
    const reading = async () => {
      for await (const chunk of pack.bytes) size += chunk.length;
    };
    await expect(reading()).rejects.toMatchObject({ code: "too_large", message: /more than 8,388,608 bytes/ });
    expect(size).toBeLessThanOrEqual(limits.pack_bytes);
  });

  it("that talks without an end, or sends what is no pack, is cut off", async () => {
    answerPack((response) => {
      response.write(Buffer.concat([PACKFILE, band(1, packHeader(1000))]));
      endless(response, band(1, Buffer.alloc(60_000)));
    });
    await refused().toMatchObject({ code: "repo_inconsistent" });
    answerPack((response) => {
      response.write(PACKFILE);
      endless(response, band(2, Buffer.alloc(60_000)));
    });
    await refused({ around: { limits: { total_ms: 1_500 } } }).toMatchObject({
      code: "repo_unreachable",
      message: /time/,
    });
  });

  it("that announces more objects than there may be is cut off at once", async () => {
    answerPack(
      (response) =>
        void response.end(Buffer.concat([PACKFILE, band(1, packHeader(4_000_000_000)), Buffer.from("0000")])),
    );
    await refused().toMatchObject({ code: "too_large", message: /2,000,000 objects/ });
  });

  it("that sends a list of refs without an end is cut off", async () => {
    server.answer = () => (_, response) => {
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-advertisement" });
      endless(response, line(`${"0123456789".repeat(4)} refs/heads/${"x".repeat(200)}\n`));
    };
    await refused({ around: { limits: { refs_bytes: 1_048_576 } } }).toMatchObject({ code: "too_large" });
  });

  it("that falls silent is given up", async () => {
    server.answer = () => () => {};
    await refused({ around: { limits: { idle_ms: 150 } } }).toMatchObject({
      code: "repo_unreachable",
      message: /nothing came/,
    });
    answerPack((response) => void response.write(PACKFILE));
    await refused({ around: { limits: { idle_ms: 150 } } }).toMatchObject({
      code: "repo_unreachable",
      message: /nothing came/,
    });
  });

  it.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["no protocol", Buffer.from("<html>")],
    ["an impossible length", Buffer.from("0003")],
    ["half a packet", Buffer.from("00ffabc")],
    ["no pack", Buffer.from("0000")],
    ["a part that nobody asked for", line("packfile-uris\n")],
    ["a cut that is none", Buffer.concat([line("shallow-info\n"), line("shallow ../../x\n")])],
    ["a pack that is none", Buffer.concat([PACKFILE, band(1, "GARBAGE GARBAGE"), Buffer.from("0000")])],
    ["a pack that stops", Buffer.concat([PACKFILE, band(1, packHeader(3)), Buffer.from("0000")])],
    ["a pack of nothing", Buffer.concat([PACKFILE, band(1, packHeader(0)), Buffer.from("0000")])],
    ["what is in no band", Buffer.concat([PACKFILE, band(7, "x")])],
    ["its own failure", Buffer.concat([PACKFILE, band(3, "\u001b[31mout of \u0007order\n")])],
    ["an error", line("ERR \u001b]0;x\u0007access denied")],
  ])("that sends %s is told apart from one that works", async (_, body) => {
    answerPack((response) => void response.end(body));
    const thrown: unknown = await cloned(server, "r.git").catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: "repo_inconsistent" });
    expect(JSON.stringify(thrown)).not.toMatch(/\\u00|ESC/);
  });

  it("that answers with another type, or packed, is no Git server", async () => {
    for (const headers of [
      { "content-type": "text/html" },
      { "content-type": "application/x-git-upload-pack-advertisement", "content-encoding": "gzip" },
    ]) {
      server.answer = () => (_: IncomingMessage, response) => void response.writeHead(200, headers).end("x");
      await refused().toMatchObject({ code: "repo_inconsistent" });
    }
  });
});

describe("a repository that is a trap", { timeout: 30_000 }, () => {
  it.each([...Object.keys(traps).entries()])("%i is refused: %s", async (at) => {
    await refused({}, `trap${at}.git`).toMatchObject({ code: "repo_inconsistent", message: /fsck|object|tree/ });
  });

  it("GIT-06 whose few objects are a billion files is cut off at the limit on files", async () => {
    const tree = { ...treeLimits, entries: 2_000 };
    await refused({ around: { tree } }, "bomb.git").toMatchObject({
      code: "too_large",
      message: /more than 2,000 entries/,
    });
  });

  it("GIT-06 with an object that takes more memory than it may ends that git alone", async () => {
    const around = { limits: { memory_bytes: 24 * 1_048_576 } };
    await refused({ around }, "large.git").toMatchObject({ code: "too_large", message: /memory/ });
  });
});

it("a clone that is cancelled leaves no process and no connection", { timeout: 30_000 }, async () => {
  for (const after of ["Asking", "Checking"]) {
    const cancel = new AbortController();
    if (after === "Asking") server.answer = () => () => cancel.abort();
    else
      answerPack((response) => {
        response.write(Buffer.concat([PACKFILE, band(1, packHeader(5))]));
        setTimeout(() => cancel.abort(), 300);
      });
    await refused({ signal: cancel.signal }).toMatchObject({ code: "cancelled" });
  }
});

it("a clone whose process is killed leaves no process", async () => {
  const script = await bundle("tests/support/clone-endlessly.ts");
  answerPack((response) => void response.write(Buffer.concat([PACKFILE, band(1, packHeader(5))])));
  const url = `https://127.0.0.1:${server.port}/r.git`;
  const child = spawn(process.execPath, [script, url, server.ca], { stdio: ["ignore", "inherit", "inherit"] });
  try {
    const started = () => descendants(child.pid ?? 0);
    await expect.poll(() => started().map(({ name }) => name), { timeout: 10_000 }).toContain("git");
    const before = started();
    child.kill("SIGKILL");
    expect(await untilEmpty(() => survivors(before), 5_000)).toEqual([]);
  } finally {
    child.kill("SIGKILL");
    rmSync(dirname(script), { recursive: true });
  }
}, 30_000);
