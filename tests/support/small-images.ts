/** Small images that run: made of programs of this machine, for a registry of a test's own. */
import { readFileSync } from "node:fs";
import { layerOf, type MadeLayer } from "./oci-layout.ts";
import { content, descriptor, type MadeImage, ociConfig, ociManifest } from "./registry-images.ts";
import type { RegistryServer } from "./registry-server.ts";
import { type TarPart, tarOf } from "./tar-maker.ts";

/** Of Debian's busybox-static: one static binary. */
export const BUSYBOX = "/bin/busybox";

const applets =
  "sh ls cat echo test touch true env id mkdir rm sleep head wc printf stat readlink pwd tty stty date grep";

/** Configuration of an image, as its documents have it. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** An image of these layers, lowest first. */
export function imageOf(layers: readonly MadeLayer[], config: ConfigFields = {}): MadeImage {
  const blobs = layers.map(({ blob, compression }) => {
    const ending = compression === "none" ? "" : `+${compression}`;
    return content(`application/vnd.oci.image.layer.v1.tar${ending}`, blob);
  });
  const rootfs = { type: "layers", diff_ids: layers.map(({ diff_id }) => diff_id) };
  const described = content(ociConfig, { architecture: "amd64", os: "linux", config, rootfs });
  const manifest = content(ociManifest, {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: descriptor(described),
    layers: blobs.map(descriptor),
  });
  return { manifest, config: described, layers: blobs };
}

export const directory = (name: string, mode = 0o755): TarPart => ({ name: `${name}/`, type: "5", mode });
export const file = (name: string, text: string | Buffer, mode = 0o644): TarPart => ({ name, content: text, mode });
export const link = (name: string, target: string): TarPart => ({ name, type: "2", link: target });

export const layer = (...parts: readonly TarPart[]): MadeLayer => layerOf(tarOf(parts));

/** Busybox with links for its applets in /bin, and nothing else: no /etc, no /tmp, no /root. */
export function busyboxLayer(): MadeLayer {
  const links = applets.split(" ").map((name) => link(`bin/${name}`, "busybox"));
  return layer(directory("bin"), file("bin/busybox", readFileSync(BUSYBOX), 0o755), ...links);
}

/** Puts an image of these layers into a registry; gives its full reference. */
export function push(
  registry: RegistryServer,
  name: string,
  layers: readonly MadeLayer[],
  config?: ConfigFields,
): string {
  registry.addImage(name, imageOf(layers, config));
  return `${registry.host}/${name}`;
}
