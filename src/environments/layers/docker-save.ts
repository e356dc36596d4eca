/** One image of an archive of docker save from before it was an OCI layout as well. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { hintFor, isNamed } from "./archive-names.ts";
import { dockerList } from "./image-documents.ts";
import { type FoundImage, type OpenArchive, requireEqual } from "./open-archive.ts";

/** The only image there is, or the one of that name. */
export async function readDockerSave(archive: OpenArchive, name: string | undefined): Promise<FoundImage> {
  const list = archive.parse((await archive.read("manifest.json")) ?? Buffer.alloc(0), dockerList, "manifest.json");
  const isWanted = (said: string) => name !== undefined && isNamed(said, name);
  const named = list.length === 1 ? list : list.filter(({ RepoTags }) => RepoTags?.some(isWanted));
  const [image, ...others] = named;
  if (image === undefined || others.length > 0) {
    const offered = list.map(({ RepoTags, Config }) => RepoTags?.[0] ?? Config).slice(0, 20);
    const wanted = name === undefined ? "" : `, and ${named.length} of them with the name ${showPath(name)}`;
    const message = `${showPath(archive.path)} has ${list.length} images${wanted}: ${offered.map((each) => showPath(each)).join(", ") || "none"}`;
    const hint =
      list.length === 0 ? undefined : hintFor(list.find(({ RepoTags }) => RepoTags?.[0])?.RepoTags?.[0], archive.path);
    throw new PyroError("image_archive_unsuitable", message, {
      ...(hint && { hint }),
      details: { path: archive.path, offered },
    });
  }
  const config = await archive.read(plain(archive, image.Config));
  if (config === undefined) throw archive.invalid(`has no file ${showPath(image.Config)}`);
  const config_digest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  const named_hash = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(image.Config)?.[1];
  if (named_hash !== undefined) requireEqual(config_digest, `sha256:${named_hash}`);
  const blobs = (image.Layers ?? []).map((path) => {
    const part = archive.files.open(plain(archive, path));
    if (part === undefined) throw archive.invalid(`has no file ${showPath(path)}`);
    return { part, digest: undefined };
  });
  return { names: image.RepoTags ?? [], digest: config_digest, config, config_digest, blobs };
}

/** A path that stays in the archive. */
function plain(archive: OpenArchive, path: string): string {
  const names = path.split("/");
  if (path.includes("\0") || names.some((each) => ["", ".", ".."].includes(each)))
    throw archive.invalid(`names the file ${showPath(path)}`);
  return path;
}
