/** The registry client beside real programs: Debian's docker-registry, filled by skopeo and read back by it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBlob } from "../../src/environments/registry/blobs.ts";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { openReadOnly } from "../../src/platform/files.ts";
import { bundle } from "../support/bundle.ts";
import { writeLayout } from "../support/image-layout.ts";
import { CountingGate, login, missingPrograms, mustRun, RealRegistry } from "../support/real-registry.ts";
import { dockerManifest, type MadeImage, ociManifest } from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";

const LAYER_BYTES = 20_000_000;
const reason = missingPrograms.length === 0 ? "" : ` (skipped: ${missingPrograms.join(", ")} not installed)`;

describe.skipIf(reason !== "" && !mustRun)(`a real registry${reason}`, () => {
  let directory: string;
  let layout: string;
  let image: MadeImage;
  let open: RealRegistry;
  let closed: RealRegistry;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "pyro-real-registry-"));
    layout = join(directory, "layout");
    image = await writeLayout(layout, [LAYER_BYTES, 1_000, 5_000_000]);
    [open, closed] = await Promise.all([RealRegistry.start(), RealRegistry.start(true)]);
    for (const registry of [open, closed]) registry.copy(`oci:${layout}:made`, `docker://${registry.host}/org/image:1`);
    open.copy(`oci:${layout}:made`, `docker://${open.host}/org/docker:1`, "--format=v2s2");
  });
  afterAll(async () => {
    await Promise.all([open?.stop(), closed?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs with a cache of its own. */
  async function withPlace<T>(action: (place: RegistryPlace) => Promise<T>): Promise<T> {
    const place = new RegistryPlace();
    try {
      return await action(place);
    } finally {
      place.remove();
    }
  }

  it.each([
    ["OCI", "org/image", () => ociManifest],
    ["Docker", "org/docker", () => dockerManifest],
  ])("gives an image in the format of %s, every byte of it", (_, repository) =>
    withPlace(async (place) => {
      expect(await place.pull(`${open.host}/${repository}:1`)).toMatchObject({ total: 3, present: 0 });
      const found = await place.registry.resolve(parseReference(`${open.host}/${repository}:1`));
      expect(found.config).toMatchObject({ env: { PATH: "/bin" }, cmd: ["/file-0"], architecture: "amd64" });
      expect(found.layers.map(({ digest }) => digest)).toEqual(image.layers.map(({ digest }) => digest));
      for (const { digest, body } of image.layers) {
        const file = await openBlob(digest, place.paths);
        expect(file?.readAll().equals(body)).toBe(true);
        file?.close();
      }
      const again = await place.registry.resolve(parseReference(`${open.host}/${repository}@${found.digest}`));
      expect(again.config_digest).toBe(found.config_digest);
    }),
  );

  it("with passwords lets in who has one, and nobody else", () =>
    withPlace(async (place) => {
      await expect(place.pull(`${closed.host}/org/image:1`)).rejects.toMatchObject({ code: "registry_unauthorized" });
      const other = new RegistryPlace();
      const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
      other.dockerConfig({ auths: { [closed.host]: { auth } } });
      expect(await other.pull(`${closed.host}/org/image:1`)).toMatchObject({ total: 3 });
      other.remove();
    }));

  it("says what it does not have", () =>
    withPlace(async (place) => {
      for (const name of ["org/image:2", "nobody/nothing:1", `org/image@sha256:${"0".repeat(64)}`])
        await expect(place.pull(`${open.host}/${name}`)).rejects.toMatchObject({ code: "image_not_found" });
    }));

  it("takes what pyro pushes, and skopeo reads it back", () =>
    withPlace(async (place) => {
      const target = parseReference(`${open.host}/pushed/image:1`);
      const blobs = [image.config, ...image.layers];
      const outcomes = [];
      for (const { digest, body } of blobs) {
        const file = openReadOnly(join(layout, "blobs", digest.replace(":", "/")));
        if (file === undefined) throw new Error("the layout is not there");
        const blob = { digest, size_bytes: body.length, file, mount_from: "org/image" };
        outcomes.push(await place.registry.pushBlob(blob, target));
        expect(
          await place.registry.pushBlob(
            { ...blob, mount_from: undefined },
            parseReference(`${open.host}/other/image:1`),
          ),
        ).toBe("uploaded");
        file.close();
      }
      expect(outcomes).toEqual(blobs.map(() => "mounted"));
      for (const name of ["pushed", "other"]) {
        const reference = parseReference(`${open.host}/${name}/image:1`);
        const digest = await place.registry.pushManifest(image.manifest.body, ociManifest, reference);
        expect(digest).toBe(image.manifest.digest);
        open.copy(`docker://${open.host}/${name}/image:1`, `oci:${join(directory, name)}:back`);
        const back = readdirSync(join(directory, name, "blobs/sha256"));
        expect(back).toEqual(expect.arrayContaining(blobs.map((blob) => blob.digest.replace("sha256:", ""))));
      }
    }));

  it("moves only the tenth layer of an image whose other nine are there", () =>
    withPlace(async (place) => {
      const sizes = Array.from({ length: 10 }, () => 300_000);
      const second = join(directory, "second");
      const first = await writeLayout(join(directory, "first"), sizes);
      const [tenth] = (await writeLayout(second, [200_000], first.layers.slice(0, -1))).layers.slice(-1);
      open.copy(`oci:${join(directory, "first")}:made`, `docker://${open.host}/org/ten:1`);
      open.copy(`oci:${second}:made`, `docker://${open.host}/org/ten:2`);
      const gate = await CountingGate.start(open.host);
      expect(await place.pull(`${gate.host}/org/ten:1`)).toMatchObject({ total: 10, present: 0 });
      gate.sent_bytes = 0;
      const moved = tenth?.body.length;
      expect(await place.pull(`${gate.host}/org/ten:2`)).toEqual({ total: 10, present: 9, fetched_bytes: moved });
      // And the manifest, and the configuration.
      expect(gate.sent_bytes - (moved ?? 0)).toBeLessThan(10_000);
      await gate.stop();
    }));

  it("whose connection is cut half way sends only the rest", () =>
    withPlace(async (place) => {
      const gate = await CountingGate.start(open.host);
      gate.cut_from = LAYER_BYTES;
      const { fetched_bytes } = await place.pull(`${gate.host}/org/image:1`);
      const whole = image.layers.reduce((sum, { body }) => sum + body.length, 0);
      expect(place.pauses).toHaveLength(1);
      expect(fetched_bytes).toBe(whole);
      // What was on its way when the connection was cut is sent again, and no more than that.
      expect(gate.sent_bytes - whole).toBeLessThan(LAYER_BYTES / 4);
      await gate.stop();
    }));

  describe("and a process that is killed", () => {
    let program: string;
    beforeAll(async () => {
      program = await bundle("tests/support/pull-image.ts");
    });
    afterAll(() => rmSync(dirname(program), { recursive: true }));

    function start(home: string, host: string): ChildProcess {
      const env = { PATH: "/usr/bin:/bin", PYRO_HOME: home, HOME: home };
      return spawn(process.execPath, [program, `${host}/org/image:1`], { env, stdio: ["ignore", "pipe", "inherit"] });
    }

    it.each(["SIGKILL", "SIGINT"] as const)(
      "by %s half way leaves a half that the next one completes",
      async (signal) => {
        const gate = await CountingGate.start(open.host);
        const home = mkdtempSync(join(directory, "home-"));
        const child = start(home, gate.host);
        const ended = new Promise((resolve) => child.once("exit", resolve));
        const partial = join(home, "cache/blobs", `${image.layers[0]?.digest.replace("sha256:", "")}.partial`);
        const sizeNow = () => statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
        while (sizeNow() < LAYER_BYTES / 4 && child.exitCode === null) await new Promise(setImmediate);
        child.kill(signal);
        await ended;
        const left = sizeNow();
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThan(LAYER_BYTES);
        gate.sent_bytes = 0;
        const lines = createInterface({ input: start(home, gate.host).stdout ?? process.stdin });
        let result: { fetched?: { fetched_bytes: number } } = {};
        for await (const line of lines) result = JSON.parse(line);
        expect(result.fetched?.fetched_bytes).toBeLessThanOrEqual(LAYER_BYTES * 1.01 + 5_010_000 - left);
        expect(gate.sent_bytes).toBeLessThan(LAYER_BYTES * 1.01 + 5_030_000 - left);
        expect(readdirSync(join(home, "cache/blobs")).some((name) => name.endsWith(".partial"))).toBe(false);
        await gate.stop();
      },
    );

    it("lets two processes fetch each layer once between them", async () => {
      const gate = await CountingGate.start(open.host);
      const home = mkdtempSync(join(directory, "home-"));
      const results = await Promise.all(
        [start(home, gate.host), start(home, gate.host)].map(async (child) => {
          let result: { fetched?: { fetched_bytes: number } } = {};
          for await (const line of createInterface({ input: child.stdout ?? process.stdin })) result = JSON.parse(line);
          return result.fetched?.fetched_bytes ?? Number.NaN;
        }),
      );
      const whole = image.layers.reduce((sum, { body }) => sum + body.length, 0);
      expect(results[0] ?? 0).toBe(whole - (results[1] ?? 0));
      expect(gate.sent_bytes).toBeLessThan(whole + 20_000);
      await gate.stop();
    });
  });
});
