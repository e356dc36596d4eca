/** What of this machine tools may reach, fixed when the server starts: directories that files are taken from, and the one that exports go to. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { PyroError } from "../contract/errors.ts";
import type { ServerOptions } from "../contract/server-options.ts";
import { ensurePath, realPath, rootOfCheckout } from "../platform/real-path.ts";
import type { Tool } from "./tool.ts";

type Input = Readonly<Record<string, unknown>>;

export interface Places {
  /** Directory that relative paths are seen from */
  readonly cwd: string;
  /** The user's home, which is too much to be taken as a project */
  readonly home: string;
  /** Where exports go unless the options say otherwise */
  readonly exports: string;
}

/** Fields that name a place on this machine to take files from. */
const taking: ReadonlySet<string> = new Set(["seed_path", "source"]);

export class Borders {
  readonly #cwd: string;
  readonly #roots: readonly string[];
  readonly exportRoot: string;
  /** Root of the checkout that workspaces begin with, where it was found */
  readonly checkout: string | undefined;

  constructor(options: ServerOptions, places: Places) {
    this.#cwd = places.cwd;
    this.checkout = options.project_path === undefined ? detected(options, places) : undefined;
    const all = [...projectRoot(options, places), ...options.allow_path.map((path) => resolve(places.cwd, path))];
    this.#roots = all.flatMap((path) => realPath(path) ?? []);
    this.exportRoot = resolve(places.cwd, options.export_root ?? places.exports);
  }

  /** Where files may be taken from, for descriptions. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  /** The input with its paths made sure. Throws `needs_human` for what was not permitted at the start. */
  admit(tool: Tool, input: Input): Input {
    for (const name of Object.keys(input)) if (tool.hidden.has(name)) throw this.#beyond(tool, name);
    const admitted: Record<string, unknown> = { ...input };
    for (const [name, value] of Object.entries(input)) {
      if (taking.has(name) && typeof value === "string") admitted[name] = this.#taken(value);
      if (name === "secret_file" && isMap(value))
        admitted[name] = Object.fromEntries(
          Object.entries(value).map(([key, path]) => [key, this.#taken(String(path))]),
        );
      if (name === "output" && tool.op.crosses === "host" && typeof value === "string")
        admitted[name] = this.#given(value);
    }
    return admitted;
  }

  #beyond(tool: Tool, field: string): PyroError {
    const flag =
      field.startsWith("allow_") && field !== "allow_egress"
        ? `--${field.replaceAll("_", "-")}`
        : "--profile workspace-full";
    return new PyroError("needs_human", `${tool.name} takes no ${field} on this server`, {
      hint: `Ask the person to start it as: pyro mcp serve ${flag}`,
      details: { field },
    });
  }

  /** A path below one of the roots, by what it really is. */
  #taken(path: string): string {
    const asked = resolve(this.#cwd, path);
    const real = path.includes("\0") ? undefined : realPath(asked);
    if (real === undefined)
      throw new PyroError("seed_not_found", `There is no ${JSON.stringify(path)} on this machine`, {
        details: { path },
      });
    if (this.#roots.some((root) => isBelow(real, root))) return real;
    const flag = `--allow-path ${JSON.stringify(dirname(real))}`;
    throw new PyroError("needs_human", `${JSON.stringify(path)} is outside of what this server may read`, {
      hint: `${this.#roots.length === 0 ? "It reads none" : `Name a path below ${this.#roots.join(" or ")}`}; more needs a person, who starts it as: pyro mcp serve ${flag}`,
      details: { path, allowed: this.#roots },
    });
  }

  /** A path in the export directory, whose parents are what they seem. */
  #given(path: string): string {
    const asked = isAbsolute(path) ? resolve(path) : resolve(this.exportRoot, path);
    if (!path.includes("\0") && isBelow(asked, this.exportRoot) && asked !== this.exportRoot) {
      const root = ensurePath(this.exportRoot);
      const path = join(root, asked.slice(this.exportRoot.length + 1));
      if (isBelow(deepest(dirname(path)), root) && isBelow(ensurePath(dirname(path)), root)) return path;
    }
    throw new PyroError(
      "needs_human",
      `${JSON.stringify(path)} is outside of the directory that this server exports to`,
      {
        hint: `Give a path relative to ${this.exportRoot}; another directory needs a person, who starts it as: pyro mcp serve --export-root PATH`,
        details: { path, export_root: this.exportRoot },
      },
    );
  }
}

/** The directory that belongs to the work: named, or the checkout around the working directory, or that directory. */
function projectRoot(options: ServerOptions, { cwd, home }: Pick<Places, "cwd" | "home">): string[] {
  if (options.project_path !== undefined) return [resolve(cwd, options.project_path)];
  if (options.no_project_source || options.repo_url !== undefined) return [];
  return [detected(options, { cwd, home }) ?? cwd].filter((path) => !holds(path, home));
}

/** The checkout around the working directory, unless it is too much. */
function detected(options: ServerOptions, { cwd, home }: Pick<Places, "cwd" | "home">): string | undefined {
  if (options.no_project_source || options.repo_url !== undefined) return undefined;
  const root = rootOfCheckout(cwd);
  return root === undefined || holds(root, home) ? undefined : root;
}

/** What the part of a path that is there really is. */
function deepest(path: string): string {
  return realPath(path) ?? (path === dirname(path) ? path : deepest(dirname(path)));
}

/** Whether `path` is `root` or lies in it, by whole names. */
function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/** Whether `path` is the home or holds it: too much to be a project that nobody named. */
function holds(path: string, home: string): boolean {
  const real = realPath(path);
  return real === undefined || isBelow(realPath(home) ?? home, real);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
