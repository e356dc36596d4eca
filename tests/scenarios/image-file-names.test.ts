/** Names of images in files: the one that a file has, what is chosen by name among several, and what is refused. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Environments } from "../../src/environments/environments.ts";
import { Pulls } from "../../src/environments/pulls.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";
import { configOf, layoutFiles, writeFiles } from "../support/oci-layout.ts";
import { directory, file, layer } from "../support/small-images.ts";

const base = layer(directory("etc"), file("etc/os", "base\n"));
const top = (text: string) => layer(file("etc/top", text));

let home: string;
let paths: StatePaths;
let env: Record<string, string>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "pyro-file-names-"));
  mkdirSync(join(home, "state"), { mode: 0o700 });
  env = { PYRO_HOME: join(home, "state"), HOME: home };
  paths = statePaths(env);
});
afterEach(() => rmSync(home, { recursive: true }));

const pulls = () => new Pulls(paths, env, "test");
const environments = () => new Environments({ paths, env, pyro_version: "test" });

describe("an image in a file", () => {
  /** A layout with one image for each list of layers, called so. */
  function layoutOf(...images: readonly (readonly [names: readonly string[], text: string])[]): string {
    const layout = mkdtempSync(join(home, "layout-"));
    const manifests = images.flatMap(([names, text]) => {
      const files = layoutFiles([base, top(text)]);
      writeFiles(layout, files);
      const [described] = JSON.parse(files.get("index.json")?.toString() ?? "").manifests;
      const each = names.length === 0 ? [undefined] : names;
      return each.map((name) => ({ ...described, annotations: name && { "org.opencontainers.image.ref.name": name } }));
    });
    writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    return layout;
  }

  it.each([
    ["quay.io/team/app:1", "quay.io/team/app:1"],
    ["docker.io/library/python:3", "python:3"],
    ["debian:12", "docker.io/library/debian:12"],
  ])("that has the one name %s is installed as %s where no other is given", async (said, name) => {
    expect((await pulls().fromFile(undefined, layoutOf([[said], "1"]), {})).environment.name).toBe(name);
    const given = await pulls().fromFile("mine:2", layoutOf([[said], "1"]), {});
    expect(given.environment.name).toBe("mine:2");
  });

  it("has its name in an annotation of containerd's, beside the tag, or in docker save's list", async () => {
    const annotations = { "io.containerd.image.name": "quay.io/a:1", "org.opencontainers.image.ref.name": "1" };
    const layout = layoutOf([["x"], "1"]);
    const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    writeFileSync(
      join(layout, "index.json"),
      JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], annotations }] }),
    );
    expect((await pulls().fromFile(undefined, layout, {})).environment.name).toBe("quay.io/a:1");
    const saved = mkdtempSync(join(home, "saved-"));
    const write = (RepoTags: string[] | null) => {
      const list = [{ Config: "config.json", RepoTags, Layers: ["layer.tar"] }];
      const config = configOf([base], {});
      const parts = { "manifest.json": JSON.stringify(list), "config.json": config, "layer.tar": base.tar };
      for (const [path, bytes] of Object.entries(parts)) writeFileSync(join(saved, path), bytes);
    };
    write(["saved/app:2"]);
    expect((await pulls().fromFile(undefined, saved, {})).environment.name).toBe("saved/app:2");
    write(null);
    await expect(pulls().fromFile(undefined, saved, {})).rejects.toMatchObject({ code: "image_name_unclear" });
  });

  it.each<[string, string[], string, string]>([
    ["none", [], "no name", "pull NAME --from"],
    ["a tag alone", ["latest"], '"latest"', "pull NAME --from"],
    ["several names", ["a/b:1", "a/b:2"], '"a/b:1", "a/b:2"', "pull a/b:1 --from"],
  ])("that has %s is refused without one, with what there is and what to type", async (_, names, said, typed) => {
    const pulled = pulls().fromFile(undefined, layoutOf([names, "1"]), {});
    await expect(pulled).rejects.toMatchObject({
      code: "image_name_unclear",
      message: expect.stringContaining(said),
      hint: expect.stringContaining(typed),
    });
    expect(readdirSync(paths.environments)).toEqual([]);
  });

  it("beside others is chosen by its name or its tag, and listed where neither is given", async () => {
    const layout = layoutOf([["a/b:1"], "1"], [["docker.io/a/b:2", "two"], "2"]);
    for (const name of [undefined, "a/b:3"])
      await expect(pulls().fromFile(name, layout, {})).rejects.toMatchObject({
        code: "image_archive_unsuitable",
        message: expect.stringContaining('"a/b:1", "docker.io/a/b:2"'),
        hint: expect.stringContaining("pyro env pull a/b:1 --from-archive"),
      });
    const diffIds = async (name: string) =>
      (await pulls().fromFile(name, layout, {})).environment.image?.layers.map(({ diff_id }) => diff_id);
    expect(await diffIds("a/b:1")).toEqual([base.diff_id, top("1").diff_id]);
    expect(await diffIds("a/b:2")).toEqual([base.diff_id, top("2").diff_id]);
    expect(await diffIds("mine:two")).toEqual([base.diff_id, top("2").diff_id]);
  });

  it("has to be named, or to be in a file", async () => {
    await expect(environments().pull(undefined)).rejects.toMatchObject({ code: "invalid_input" });
  });
});
