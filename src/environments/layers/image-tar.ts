/** The tar of a root image of our own: what is published of it. It is unpacked in a guard, whose files nobody else sees. */
import { namelessFile, type OpenFile } from "../../platform/files.ts";
import { requirePrograms } from "../../platform/programs.ts";
import type { StatePaths } from "../../store/paths.ts";
import { buildError } from "../archive-log.ts";
import { runGuarded, scratch } from "../guard.ts";

const BYTES_PER_MIB = 1_048_576;
/** How much larger a tree is than its image, at the most that was seen, with room to spare */
const UNPACKED_RATIO = 4;
const SPARE_MIB = 64;

const script = `
build() {
  unsquashfs -q -n -d root /proc/self/fd/3 >&2 || return 1
  tar --create --format=posix --pax-option=exthdr.name=pax,delete=atime,delete=ctime --sort=name --numeric-owner \
    --xattrs --xattrs-include='*' --directory root --file - . >&4
}
`;

/** The image's tree as a tar without a name below the cache; equal images give an equal one. */
export async function tarOfImage(image: OpenFile, paths: StatePaths, signal: AbortSignal): Promise<OpenFile> {
  requirePrograms(["unsquashfs", "tar"]);
  const tar = namelessFile(paths.building);
  try {
    const mib = Math.ceil((image.size() * UNPACKED_RATIO) / BYTES_PER_MIB) + SPARE_MIB;
    const build = { script, args: [], fds: [image.fd, tar.fd], ...scratch(mib, paths), signal };
    const { exit_code, log } = await runGuarded(build);
    if (exit_code !== 0) throw buildError(log, "the tar of a root image", paths.building);
    return tar;
  } catch (thrown) {
    tar.close();
    throw thrown;
  }
}
