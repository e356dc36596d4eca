/** Swaps a directory for a symlink and back without end: `swap-directory PARENT NAME TARGET`; PARENT may end in `*`, for a name that begins so. */
import { readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const [, , parent = "", name = "", target = ""] = process.argv;

function place(): string | undefined {
  const [, above = "", start = "", below = ""] = /^(.*)\/([^/]*)\*\/?(.*)$/.exec(parent) ?? [];
  if (above === "") return parent;
  const found = readdirSync(above).find((each) => each.startsWith(start));
  return found === undefined ? undefined : join(above, found, below);
}

console.log(`swapping ${basename(dirname(parent))}`);
// Whoever started it may be killed.
const parentPid = process.ppid;
while (process.ppid === parentPid) {
  try {
    const directory = place();
    if (directory === undefined) continue;
    const [real, kept, link] = [join(directory, name), join(directory, "kept"), join(directory, "link")];
    rmSync(link, { force: true });
    symlinkSync(target, link);
    renameSync(real, kept);
    renameSync(link, real);
    renameSync(real, link);
    renameSync(kept, real);
  } catch {
    // The other side was faster; the next turn finds what there is.
  }
}
