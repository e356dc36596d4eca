/** Where the symlinks of a tree lead, told from the tree alone. */

/** The kernel follows no more links than this in one path. */
const MAX_LINKS = 40;

/**
 * Whether a symlink leads out of its tree, by itself or over other links of the tree. `links` has the target of each by its path;
 * a name that is no link counts as a directory, so what is missing now is judged as if somebody made it later.
 */
export function leadsOutside(path: string, links: ReadonlyMap<string, string>): boolean {
  const place = path.split("/");
  const ahead: string[] = [place.pop() ?? ""];
  for (let followed = 0; ahead.length > 0; ) {
    const name = ahead.pop() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (place.pop() === undefined) return true;
      continue;
    }
    const target = links.get([...place, name].join("/"));
    if (target === undefined) {
      place.push(name);
      continue;
    }
    if (target.startsWith("/")) return true;
    followed += 1;
    if (followed > MAX_LINKS) return false;
    ahead.push(...target.split("/").reverse());
  }
  return false;
}
