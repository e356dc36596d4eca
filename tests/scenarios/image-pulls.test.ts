/** Environments out of a registry: what a name stands for, sources of the catalog, tags that move, damage, what is pruned. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { Environments } from "../../src/environments/environments.ts";
import { environmentNamed } from "../../src/environments/names.ts";
import { type Pulled, type PullOptions, Pulls } from "../../src/environments/pulls.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";
import { WorkspaceStore } from "../../src/store/workspace-store.ts";
import { digestOf, layoutFiles, writeFiles } from "../support/oci-layout.ts";
import { RegistryServer } from "../support/registry-server.ts";
import { directory, file, layer, push } from "../support/small-images.ts";
import { workspaceRecord } from "../support/workspace-records.ts";

/** A mirror that is refused before anything is asked: whoever goes to the archive meets this. */
const noMirror = { PYRO_DEBIAN_MIRROR: "ftp://no.mirror" };
const atTheArchive = { code: "invalid_input", message: expect.stringContaining("ftp://no.mirror") };
const base = layer(directory("etc"), file("etc/os", "base\n"));
const top = (text: string) => layer(file("etc/top", text));

let home: string;
let paths: StatePaths;
let registry: RegistryServer;
let env: Record<string, string>;
let events: OperationEvent[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "pyro-pulls-"));
  mkdirSync(join(home, "state"), { mode: 0o700 });
  env = { PYRO_HOME: join(home, "state"), HOME: home, ...noMirror };
  paths = statePaths(env);
  registry = await RegistryServer.start();
  events = [];
});
afterEach(async () => {
  await registry.stop();
  rmSync(home, { recursive: true });
});

const pulls = () => new Pulls(paths, env, "test");
const pull = (name: string, options: PullOptions = {}, by = pulls()): Promise<Pulled> =>
  by.ensure(environmentNamed(name), { emit: (event) => void events.push(event), ...options });
const environments = () => new Environments({ paths, env, pyro_version: "test" });
const configure = (catalog: object) => writeFileSync(join(paths.data, "config.json"), JSON.stringify({ catalog }));
const layersSent = () => registry.paths("GET").filter((path) => path.includes("/blobs/")).length;
const imagePath = ({ environment }: Pulled) => paths.image(environment.digest.slice("sha256:".length));

describe("an image of a registry", () => {
  it("is installed under one name, with what it says of itself, and is there at once afterwards", async () => {
    const config = { Env: ["A=1", "LD_PRELOAD=/x.so"], User: "7", WorkingDir: "/srv", Entrypoint: ["/e"], Cmd: ["c"] };
    const name = push(registry, "team/app:1", [base, top("1")], { ...config, Labels: { a: "b" } });
    const first = await pull(name);
    expect(first).toMatchObject({ changed: true, before: undefined });
    expect(first.environment).toMatchObject({
      name,
      env: { A: "1", LD_PRELOAD: "/x.so", HOME: "/root" },
      source: { kind: "registry", reference: name, served_by: `http://${registry.host}` },
      image: { user: "7", working_dir: "/srv", entrypoint: ["/e"], cmd: ["c"], labels: { a: "b" } },
    });
    expect(first.environment.image?.layers).toMatchObject([{ diff_id: base.diff_id }, { diff_id: top("1").diff_id }]);
    await registry.stop();
    expect(await pull(name)).toMatchObject({ changed: false, environment: first.environment });
    registry = await RegistryServer.start();
    expect((await environments().list()).map(({ name: listed }) => listed).at(-1)).toBe(name);
    expect(await environments().inspect(name)).toMatchObject({ installed: true, image: { user: "7" } });
  });

  it("shares layers with others, and its root with an image of the same layers", async () => {
    const first = await pull(push(registry, "a:1", [base, top("1")]));
    const sent = layersSent();
    await pull(push(registry, "b:1", [base, top("2")]));
    // Its configuration and the layer that is new.
    expect(layersSent() - sent).toBe(2);
    const again = layersSent();
    const same = await pull(push(registry, "c:1", [base, top("1")], { User: "9" }));
    expect(same.environment.digest).toBe(first.environment.digest);
    expect(same.environment.image?.user).toBe("9");
    expect(layersSent() - again).toBe(1);
  });

  it("stays what it was until it is asked for anew, which says whether its tag has moved", async () => {
    const name = push(registry, "a:1", [base]);
    const first = await pull(name);
    expect(await pull(name, { force: true })).toMatchObject({
      changed: false,
      reason: expect.stringContaining("has not moved"),
    });
    push(registry, "a:1", [base, top("moved")]);
    expect((await pull(name)).environment).toEqual(first.environment);
    const moved = await pull(name, { force: true });
    expect(moved).toMatchObject({ changed: true, before: first.environment });
    expect(moved.environment.digest).not.toBe(first.environment.digest);
  });

  it("is fetched once when two ask at the same time", async () => {
    const name = push(registry, "a:1", [base]);
    const [one, other] = await Promise.all([pull(name), pull(name)]);
    expect([one.changed, other.changed].sort()).toEqual([false, true]);
    expect(one.environment).toEqual(other.environment);
  });

  it("is repaired by the next pull when its root image or a layer of it is damaged", async () => {
    const name = push(registry, "a:1", [base, top("1")]);
    const first = await pull(name);
    const whole = imagePath(first);
    chmodSync(whole, 0o600);
    truncateSync(whole, 100);
    const blob = join(paths.cache, "blobs", base.digest.slice("sha256:".length));
    chmodSync(blob, 0o600);
    writeFileSync(blob, "damaged");
    const again = await pull(name);
    expect(again).toMatchObject({ changed: true, environment: { digest: first.environment.digest } });
    expect(await pulls().whole(name, undefined)).toEqual(again.environment);
  });

  it("that a workspace was created with is repaired by its digest after its tag has moved", async () => {
    const name = push(registry, "a:1", [base, top("1")]);
    const first = await pull(name);
    push(registry, "a:1", [base, top("moved")]);
    const moved = await pull(name, { force: true });
    const store = new WorkspaceStore(paths);
    store.create(workspaceRecord(1, { environment: name, image: { digest: first.environment.digest, env: {} } }));
    chmodSync(imagePath(first), 0o600);
    truncateSync(imagePath(first), 100);
    const open = () => environments().openImage({ ...first.environment, name });
    await expect(open()).rejects.toMatchObject({ code: "environment_damaged" });
    // The tag's own image is whole: its pull has nothing to do.
    expect(await pull(name)).toMatchObject({ changed: false, environment: moved.environment });
    await expect(open()).rejects.toMatchObject({ code: "environment_damaged", hint: expect.stringContaining("@") });
    const digest = first.environment.source.kind === "registry" ? first.environment.source.digest : "";
    const again = await pull(`${registry.host}/a@${digest}`);
    expect(again).toMatchObject({ changed: true, environment: { digest: first.environment.digest } });
    (await open()).close();
    expect((await pull(name)).environment).toEqual(moved.environment);
    await environments().prune();
    (await open()).close();
  });

  it("is never one of the Debian archive", async () => {
    const name = push(registry, "a:1", [base]);
    await expect(pull(name, { source: "archive" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("that is not there leaves nothing", async () => {
    await expect(pull(`${registry.host}/a:1`)).rejects.toMatchObject({ code: "image_not_found" });
    push(registry, "empty:1", []);
    await expect(pull(`${registry.host}/empty:1`)).rejects.toMatchObject({ code: expect.stringMatching(/^image_/) });
    expect([readdirSync(paths.images), readdirSync(paths.environments)]).toEqual([[], []]);
  });
});

describe("an image in a file", () => {
  const names = () => readdirSync(join(paths.cache, "blobs"));

  it("is installed under the name that it is given, an entry's too, and is no registry's", async () => {
    const layout = join(home, "layout");
    writeFiles(layout, layoutFiles([base, top("1")], { config: { Env: ["A=1"], User: "7" } }));
    const made = await pulls().fromFile("mine:1", layout, {});
    expect(made.environment).toMatchObject({
      name: "mine:1",
      env: { A: "1", HOME: "/root" },
      source: { kind: "image-archive", path: layout },
      image: { user: "7", layers: [{ diff_id: base.diff_id }, { diff_id: top("1").diff_id }] },
    });
    const pulled = await pull(push(registry, "a:1", [base, top("1")]));
    expect(pulled.environment.digest).toBe(made.environment.digest);
    const entry = await pulls().fromFile("debian:12", layout, {});
    expect((await pull("debian:12")).environment).toEqual(entry.environment);
    expect(names()).toEqual([]);
    configure({ "debian:12": push(registry, "pyro/debian:12", [base]) });
    expect((await pull("debian:12", { source: "registry" })).environment.source.kind).toBe("registry");
  });

  it("that is none is refused and leaves what was there", async () => {
    const name = push(registry, "a:1", [base]);
    const before = await pull(name);
    await expect(pulls().fromFile(name, join(home, "nowhere"), {})).rejects.toBeInstanceOf(PyroError);
    writeFileSync(join(home, "text"), "no image");
    await expect(pulls().fromFile(name, join(home, "text"), {})).rejects.toMatchObject({
      code: "image_archive_invalid",
    });
    expect(await pulls().whole(name, undefined)).toEqual(before.environment);
  });

  it("has no other source", async () => {
    const pulled = environments().pull("mine:1", { from_archive: join(home, "layout"), source: "registry" });
    await expect(pulled).rejects.toMatchObject({ code: "invalid_input" });
  });
});

describe("an entry of the catalog", () => {
  const name = "debian:12-base";

  it("comes from the registry that the configuration names", async () => {
    configure({ [name]: push(registry, "pyro/base:12", [base], { Env: ["PATH=/bin"] }) });
    const pulled = await pull(name);
    expect(pulled.environment).toMatchObject({ name, source: { kind: "registry" }, env: { PATH: "/bin" } });
    expect(pulled.reason).toContain(registry.host);
    await expect(pull(name, { source: "archive" })).rejects.toMatchObject(atTheArchive);
    expect((await pull(name)).environment).toEqual(pulled.environment);
  });

  it("is built from the archive where the registry has none, which is said once and asked once", async () => {
    configure({ [name]: `${registry.host}/none:1`, "debian:12": `${registry.host}/none:2` });
    const one = pulls();
    await expect(pull(name, {}, one)).rejects.toMatchObject(atTheArchive);
    const asked = registry.requests.length;
    await expect(pull("debian:12", {}, one)).rejects.toMatchObject(atTheArchive);
    expect(registry.requests.length).toBe(asked);
    const notices = events.filter(({ type }) => type === "notice");
    expect(notices).toMatchObject([{ message: expect.stringContaining(`${name} comes from the Debian archive`) }]);
  });

  it("asks no registry where the archive is asked for, by flag or by setting", async () => {
    configure({ [name]: push(registry, "pyro/base:12", [base]) });
    await expect(pull(name, { source: "archive" })).rejects.toMatchObject(atTheArchive);
    env = { ...env, PYRO_ENVIRONMENT_SOURCE: "archive" };
    await expect(pull(name)).rejects.toMatchObject(atTheArchive);
    expect(registry.requests).toEqual([]);
    expect((await pull(name, { source: "registry" })).environment.source.kind).toBe("registry");
    env = { ...env, PYRO_ENVIRONMENT_SOURCE: "elsewhere" };
    await expect(pull("debian:12")).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("takes no archive in the place of a registry that lies, or that alone was asked for", async () => {
    const image = push(registry, "pyro/base:12", [base]);
    configure({ [name]: image });
    registry.blobs.set(base.digest, Buffer.from(base.blob).fill(0));
    await expect(pull(name)).rejects.toMatchObject({ code: "registry_lied" });
    configure({ [name]: `${registry.host}/none:1` });
    await expect(pull(name, { source: "registry" })).rejects.toMatchObject({ code: "image_not_found" });
  });

  it("waits a bounded time for a registry that does not answer", async () => {
    configure({ [name]: `${registry.host}/silent:1` });
    registry.misbehave = () => new Promise(() => {});
    await expect(pull(name, {}, new Pulls(paths, env, "test", 200))).rejects.toMatchObject(atTheArchive);
    expect(events.find(({ type }) => type === "notice")).toMatchObject({
      message: expect.stringContaining("did not answer within 0.2 s"),
    });
  });
});

describe("prune", () => {
  const names = () => readdirSync(join(paths.cache, "blobs")).sort();
  const blobOf = ({ digest }: { readonly digest: string }) => digest.slice("sha256:".length);

  it("removes images that nobody uses with the layers that are nobody's, and keeps what a workspace has", async () => {
    const kept = await pull(push(registry, "kept:1", [base, top("kept")]));
    const idle = await pull(push(registry, "idle:1", [base, top("idle")]));
    writeFileSync(join(paths.cache, "blobs", `${"0".repeat(64)}.partial`), "half");
    const store = new WorkspaceStore(paths);
    const image = { digest: kept.environment.digest, env: {} };
    store.create(workspaceRecord(1, { environment: kept.environment.name, image }));
    const { removed, freed_bytes } = await environments().prune();
    expect(removed.map(({ path }) => path)).toEqual(expect.arrayContaining([imagePath(idle)]));
    expect(freed_bytes).toBe(removed.reduce((sum, { size_bytes }) => sum + size_bytes, 0));
    expect(names()).toEqual([base, top("kept")].map(blobOf).sort());
    expect(await pulls().whole(kept.environment.name, undefined)).toEqual(kept.environment);
    expect(environments().installed(idle.environment.name)).toBeUndefined();
    expect((await environments().prune()).removed).toEqual([]);
    store.remove("ws-000000000001");
    await environments().prune();
    expect([names(), readdirSync(paths.images), readdirSync(paths.environments)]).toEqual([[], [], []]);
  });

  it("keeps the layers of the catalog's images", async () => {
    configure({ "debian:12": push(registry, "pyro/debian:12", [base]) });
    await pull("debian:12");
    expect((await environments().prune()).removed).toEqual([]);
    expect(names()).toEqual([blobOf({ digest: digestOf(base.blob) })]);
  });

  it("touches nothing while an image is pulled", async () => {
    const name = push(registry, "slow:1", [base, top("slow")]);
    let inPull: Promise<unknown> = Promise.resolve();
    registry.misbehave = async ({ path }) => {
      if (path.includes(base.digest)) inPull = environments().prune({ emit: (event) => void events.push(event) });
      await inPull;
      return false;
    };
    await pull(name);
    expect(await inPull).toEqual({ removed: [], freed_bytes: 0 });
    expect(events.filter(({ type }) => type === "warning")).toHaveLength(1);
  });
});
