/** The user's configuration of registries, and what is said of one that is wrong. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configFile } from "../../store/config-paths.ts";
import { readRegistrySettings } from "./settings.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-settings-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (text: string | object) => {
  writeFileSync(join(directory, "config.json"), typeof text === "string" ? text : JSON.stringify(text));
  return readRegistrySettings({ PYRO_HOME: directory });
};
const origins = (settings: ReturnType<typeof read>, registry: string) =>
  settings.endpoints(registry).map(({ origin }) => origin.origin);

describe("the configuration", () => {
  it("need not be there", () => {
    const settings = readRegistrySettings({ PYRO_HOME: directory });
    expect(origins(settings, "docker.io")).toEqual(["https://registry-1.docker.io"]);
    expect(settings.catalog).toEqual({});
  });

  it.each([
    [{ PYRO_HOME: "/p", XDG_CONFIG_HOME: "/x" }, "/p/config.json"],
    [{ XDG_CONFIG_HOME: "/x" }, "/x/pyro/config.json"],
    [{ XDG_CONFIG_HOME: "relative" }, "/h/.config/pyro/config.json"],
    [{}, "/h/.config/pyro/config.json"],
  ])("of %j is %s", (env, path) => {
    expect(configFile(env, "/h")).toBe(path);
  });

  it("may be a link to where a person keeps such files", () => {
    read({ registries: { "h.io": { insecure: true } } });
    symlinkSync(join(directory, "config.json"), join(directory, "link.json"));
    rmSync(join(directory, "config.json"));
    writeFileSync(join(directory, "real.json"), '{"registries":{"h.io":{"insecure":true}}}');
    rmSync(join(directory, "link.json"));
    symlinkSync("real.json", join(directory, "config.json"));
    expect(origins(readRegistrySettings({ PYRO_HOME: directory }), "h.io")).toEqual(["http://h.io"]);
  });

  it("has mirrors in order, then the registry itself", () => {
    const mirrors = ["https://one.example", "https://two.example:8443", "http://localhost:5000"];
    const settings = read({ registries: { "docker.io": { mirrors } } });
    expect(origins(settings, "docker.io")).toEqual([...mirrors, "https://registry-1.docker.io"]);
    expect(settings.endpoints("docker.io").map(({ login, is_mirror }) => [login, is_mirror])).toEqual([
      ["one.example", true],
      ["two.example:8443", true],
      ["localhost:5000", true],
      ["docker.io", false],
    ]);
    expect(origins(settings, "ghcr.io")).toEqual(["https://ghcr.io"]);
  });

  it.each([
    ["localhost:5000", "http://localhost:5000"],
    ["a.localhost:5000", "http://a.localhost:5000"],
    ["127.0.0.1:5000", "http://127.0.0.1:5000"],
    ["127.8.9.1:5000", "http://127.8.9.1:5000"],
    ["[::1]:5000", "http://[::1]:5000"],
    ["localhost.example:5000", "https://localhost.example:5000"],
    ["10.0.0.1:5000", "https://10.0.0.1:5000"],
    ["h.io", "https://h.io"],
  ])("without a word reaches %s at %s", (registry, origin) => {
    expect(origins(read({}), registry)).toEqual([origin]);
  });

  it("says where plain http is permitted, and where not even this machine", () => {
    const settings = read({ registries: { "h.io:80": { insecure: true }, "localhost:5000": { insecure: false } } });
    expect(origins(settings, "h.io:80")).toEqual(["http://h.io"]);
    expect(origins(settings, "localhost:5000")).toEqual(["https://localhost:5000"]);
  });

  it("names references for the catalog", () => {
    const { catalog } = read({ catalog: { "debian:12": "ghcr.io/org/pyro-debian-12:tag" } });
    expect(catalog).toEqual({
      "debian:12": { registry: "ghcr.io", repository: "org/pyro-debian-12", tag: "tag" },
    });
  });

  it.each([
    ["{", "", /not JSON/],
    ["[]", "", /expected object/i],
    [{ registry: {} }, "registry", /no such key/],
    [{ registries: { "h.io": { mirors: [] } } }, "registries.h.io.mirors", /no such key/],
    [{ registries: { "h.io": { mirrors: "x" } } }, "registries.h.io.mirrors", /array/],
    [{ registries: { "h.io": { insecure: "yes" } } }, "registries.h.io.insecure", /boolean/],
    [{ registries: { "h.io/a": {} } }, "registries.h.io/a", /no registry/],
    [{ registries: { hub: {} } }, "registries.hub", /no registry/],
    [{ registries: { "h.io": { mirrors: ["ftp://x"] } } }, "registries.h.io.mirrors", /no http or https/],
    [{ registries: { "h.io": { mirrors: ["https://x/prefix"] } } }, "registries.h.io.mirrors", /no path/],
    [{ registries: { "h.io": { mirrors: ["https://a:b@x"] } } }, "registries.h.io.mirrors", /no login/],
    [{ registries: { "h.io": { mirrors: ["http://x"] } } }, "registries.h.io.mirrors", /not https/],
    [
      { registries: { "h.io": { mirrors: Array.from({ length: 9 }, () => "https://x") } } },
      "registries.h.io.mirrors",
      /8/,
    ],
    [{ catalog: { "debian:12": "Not Valid" } }, "catalog.debian:12", /not valid/],
  ])("%j is refused, with the file and the key %j", (config, key, words) => {
    const path = join(directory, "config.json");
    expect(() => read(config)).toThrow(words);
    try {
      read(config);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "config_invalid", details: { path, key } });
      expect(String(thrown)).toContain(path);
      expect(String(thrown)).not.toContain("a:b@");
    }
  });
});
