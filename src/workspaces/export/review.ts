/** Files that make programs on the host run something, so that a person looks at them before anything else does. */

/** Whole names, in lower case, wherever they lie. */
const names: ReadonlySet<string> = new Set([
  ".envrc",
  ".mcp.json",
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  ".pnpmfile.cjs",
  ".gitmodules",
  ".gitattributes",
  ".gitconfig",
  ".pre-commit-config.yaml",
  ".gitlab-ci.yml",
  ".bashrc",
  ".profile",
  ".zshrc",
  ".cursorrules",
  ".windsurfrules",
  ".vimrc",
  ".exrc",
  ".nvim.lua",
  ".tool-versions",
  ".mise.toml",
  "mise.toml",
  "agents.md",
  "claude.md",
  "gemini.md",
  "opencode.json",
  "opencode.jsonc",
  "package.json",
  "composer.json",
  "setup.py",
  "conftest.py",
  "build.rs",
  "build.gradle",
  "build.gradle.kts",
  "makefile",
  "gnumakefile",
  "cmakelists.txt",
  "justfile",
  "rakefile",
  "gemfile",
  "vagrantfile",
  "dockerfile",
  "compose.yaml",
  "docker-compose.yml",
  "flake.nix",
  "shell.nix",
]);

/** Directories, in lower case, of which everything counts. */
const directories: ReadonlySet<string> = new Set([
  ".vscode",
  ".idea",
  ".claude",
  ".codex",
  ".cursor",
  ".opencode",
  ".gemini",
  ".devcontainer",
  ".husky",
  ".githooks",
  ".circleci",
  ".cargo",
  ".mvn",
  ".config",
]);

/** Whether a path is one that a tool on the host may act on by itself. */
export function asksForReview(path: string): boolean {
  const all = path.toLowerCase().split("/");
  const name = all.at(-1) ?? "";
  if (names.has(name) || name.endsWith(".code-workspace") || name.endsWith(".mk")) return true;
  return (
    all.slice(0, -1).some((each) => directories.has(each)) ||
    /(^|\/)\.github\/(workflows|actions)\//.test(all.join("/"))
  );
}

/** Finds directories that Git takes for repositories whatever their name: those with a HEAD, objects and refs. */
export class BareRepositories {
  readonly #seen = new Map<string, Set<string>>();

  note(path: string): void {
    const cut = path.lastIndexOf("/");
    const name = path.slice(cut + 1).toLowerCase();
    if (!["head", "objects", "refs"].includes(name)) return;
    const directory = path.slice(0, Math.max(0, cut));
    const seen = this.#seen.get(directory) ?? new Set();
    this.#seen.set(directory, seen.add(name));
  }

  /** Their paths; "." for the tree itself. */
  found(): string[] {
    return [...this.#seen].flatMap(([path, seen]) => (seen.size === 3 ? [path === "" ? "." : path] : []));
  }
}
