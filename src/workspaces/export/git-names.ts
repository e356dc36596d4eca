/** Names that some file system takes for `.git`: on the host they would be a repository whose settings run programs. */

/** Characters that HFS+ leaves out when it compares names */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Whether a name is `.git` on Linux, on macOS or on Windows. */
function isGitName(name: string): boolean {
  return name.split("\\").some((part) => {
    const plain = part.replace(HFS_IGNORED, "").toLowerCase();
    // NTFS ends a name before a colon, and drops dots and spaces at its end.
    const onNtfs = plain.replace(/:.*$/s, "").replace(/[. ]+$/, "");
    return plain === ".git" || onNtfs === ".git" || /^git~[0-9]+$/.test(onNtfs);
  });
}

/** What every such name has in it, by which most paths are told from them at once */
const LETTERS = /g[^/]*i[^/]*t/i;

/** The path up to the name that is `.git`; undefined where there is none in it. */
export function gitPathIn(path: string): string | undefined {
  if (!LETTERS.test(path)) return undefined;
  const names = path.split("/");
  const at = names.findIndex(isGitName);
  return at < 0 ? undefined : names.slice(0, at + 1).join("/");
}
