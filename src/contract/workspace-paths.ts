/** Paths as callers name them in a workspace: absolute below /workspace, or relative to it. */
import { PyroError } from "./errors.ts";
import { showPath } from "./path-bytes.ts";

/** Where a workspace's files are, in every machine. */
export const WORKSPACE = "/workspace";

/** The path inside the tree, empty for the workspace itself. Every character counts as it stands. Throws `path_escape` or `invalid_input`. */
export function pathInWorkspace(path: string): string {
  return inside(path, WORKSPACE);
}

/** The same below any absolute directory. */
export function inside(path: string, root: string): string {
  if (path === "" || path.includes("\0")) throw new PyroError("invalid_input", `${showPath(path)} is not a path`);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw outside(path, root);
  if (!path.startsWith("/")) return names.join("/");
  const above = root.split("/").filter((name) => name !== "");
  if (above.some((name, at) => names[at] !== name)) throw outside(path, root);
  return names.slice(above.length).join("/");
}

/** How a path in the tree is shown to callers. */
export function shownInWorkspace(path: string): string {
  return path === "" ? WORKSPACE : `${WORKSPACE}/${path}`;
}

function outside(path: string, root: string): PyroError {
  return new PyroError("path_escape", `${showPath(path)} is not below ${root}`, {
    hint: `Name a path below ${root}, without ".."`,
    details: { path },
  });
}
