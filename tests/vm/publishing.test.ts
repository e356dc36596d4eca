/** The catalog published to a real registry, pulled into an empty cache, and run: what came over is what was built. */
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Environments } from "../../src/environments/environments.ts";
import { type PublishOptions, publishEnvironments } from "../../src/environments/publishing.ts";
import { imageHash } from "../../src/environments/records.ts";
import { Pyro } from "../../src/sdk/pyro.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";
import { version } from "../../src/version.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { ImagePlace } from "../support/image-trees.ts";
import { missingPrograms, mustRun, RealRegistry } from "../support/real-registry.ts";

const offline = process.env["PYRO_TEST_OFFLINE"] === "1";
const BASE = "debian:12-base";
const reason = missingPrograms.length === 0 ? "" : ` (skipped: ${missingPrograms.join(", ")} not installed)`;

describe.skipIf(offline || (reason !== "" && !mustRun))(`published environments${reason}`, () => {
  let scratch: string;
  let from: StatePaths;
  let registry: RealRegistry;
  let options: PublishOptions;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "pyro-vm-publishing-"));
    from = await copiedHome(scratch);
    await copyBase(from);
    registry = await RealRegistry.start();
    const { signal } = new AbortController();
    const env = { PYRO_HOME: from.data, PATH: process.env["PATH"] };
    options = { paths: from, env, pyro_version: version, names: [BASE, ENVIRONMENT], signal, emit: () => {} };
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("share the base's layer, have equal digests each time, are pulled into an empty cache and run", async () => {
    const first = await publishEnvironments(`${registry.host}/pyro`, options);
    const [full, base] = [ENVIRONMENT, BASE].map((name) => first.find((one) => one.name === name));
    expect(base?.layers).toHaveLength(1);
    expect(full?.layers).toEqual([base?.layers[0], expect.stringMatching(/^sha256:/)]);
    const again = await publishEnvironments(`${registry.host}/pyro`, options);
    expect(again).toEqual(first.map((one) => ({ ...one, sent: 0 })));

    const home = mkdtempSync(join(scratch, "empty-"));
    process.env["PYRO_HOME"] = home;
    process.env["PYRO_ENVIRONMENT_SOURCE"] = "auto";
    const paths = statePaths();
    paths.prepareCache();
    for (const directory of ["kernels", "initramfs", "disks"])
      cpSync(join(from.cache, directory), join(paths.cache, directory), { recursive: true });
    const catalog = { [ENVIRONMENT]: `${registry.host}/pyro/${ENVIRONMENT}`, [BASE]: `${registry.host}/pyro/${BASE}` };
    writeFileSync(join(home, "config.json"), JSON.stringify({ catalog }));
    const pyro = new Pyro();
    const pulled = await pyro.pullEnvironment({ environment: ENVIRONMENT });
    expect(pulled).toMatchObject({ changed: true, source: { kind: "registry", digest: full?.digest } });
    const ran = await pyro.runInVm({ environment: ENVIRONMENT, command: ["git", "--version"], timeout_seconds: 120 });
    expect(ran).toMatchObject({ exit_code: 0, stdout: expect.stringMatching(/^git version /) });
    const { image, env } = await pyro.inspectEnvironment({ environment: ENVIRONMENT });
    expect(image?.labels).toMatchObject({ "org.opencontainers.image.title": ENVIRONMENT });
    expect(env).toMatchObject({ LANG: "C.UTF-8", SHELL: "/bin/bash" });

    const { digest } = await pyro.pullEnvironment({ environment: BASE });
    const place = new ImagePlace(join(scratch, "trees"));
    const [built, came] = [hashOf(from), (digest ?? "").slice("sha256:".length)];
    for (const [paths_of, hash] of [
      [from, built],
      [paths, came],
    ] as const)
      copyFileSync(paths_of.image(hash), place.paths.image(hash));
    const listed = place.listImage(came);
    // What is added to every root that is made of layers, and that the archive's build leaves to the agent.
    expect(listed.get("dev")).toMatchObject({ kind: "directory", mode: 0o755 });
    listed.delete("dev");
    expect(listed).toEqual(place.listImage(built));
  });
});

/** The user's own copy of the base, built where it is missing. */
async function copyBase(to: StatePaths): Promise<void> {
  const own = statePaths({ XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] });
  const environments = new Environments({ paths: own, env: process.env, pyro_version: version });
  const image = own.image(imageHash(await environments.ensure(BASE)));
  copyFileSync(image, join(to.images, basename(image)));
  copyFileSync(own.environmentRecord(BASE), to.environmentRecord(BASE));
}

function hashOf(paths: StatePaths): string {
  const installed = new Environments({ paths, env: {}, pyro_version: version }).installed(BASE);
  return (installed?.digest ?? "").slice("sha256:".length);
}
