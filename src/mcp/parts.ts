/** Puts together what a server needs from its options; the engine is loaded at the first call, so that a start does no more than answer. */
import { homedir } from "node:os";
import type { ServerOptions } from "../contract/server-options.ts";
import type { Engine } from "../engine.ts";
import { mcpPaths } from "../store/mcp-paths.ts";
import { statePaths } from "../store/paths.ts";
import { Borders, type Places } from "./borders.ts";
import type { ServerFacts } from "./descriptions.ts";
import { instructionsFor } from "./instructions.ts";
import type { ServerParts } from "./server-parts.ts";
import { toolsOf } from "./tool.ts";

/** What a program or a test may bring of its own. */
export interface OwnParts {
  readonly engine?: () => Promise<Engine> | Engine;
  readonly progress_ms?: number;
  readonly places?: Partial<Places>;
}

/** Pause between two words of progress, in milliseconds (docs/design/limits.md). */
const PROGRESS_MS = 5_000;

export function partsOf(options: ServerOptions, own: OwnParts = {}): ServerParts {
  const places = { cwd: process.cwd(), home: homedir(), exports: mcpPaths(statePaths()).exports, ...own.places };
  const borders = new Borders(options, places);
  const facts = factsOf(options, borders);
  const tools = toolsOf(options, facts);
  const { project_path, repo_url, repo_ref, no_project_source, allow_private_repo } = options;
  const named = { project_path, repo_url, repo_ref, no_project_source, allow_private_repo, cwd: places.cwd };
  const engine = once(async (): Promise<Engine> => {
    if (own.engine !== undefined) return own.engine();
    return (await import("../engine.ts")).createEngine();
  });
  return {
    engine,
    borders,
    project: once(async () => (await engine()).openProject(named)),
    tools,
    offered: new Set(tools.map(({ name }) => name)),
    instructions: instructionsFor(options, facts),
    progress_ms: own.progress_ms ?? PROGRESS_MS,
    pending: new Set(),
  };
}

function factsOf(options: ServerOptions, { roots, exportRoot, checkout }: Borders): ServerFacts {
  const { environment, repo_url, repo_ref, project_path } = options;
  const files = "tracked files and those that Git does not ignore";
  const beginning =
    repo_url !== undefined
      ? `a clean clone of ${repo_url}${repo_ref === undefined ? "" : ` at ${repo_ref}`}`
      : (project_path ?? (checkout && `the checkout ${checkout} (${files})`));
  return {
    environment,
    roots: roots.length === 0 ? "nothing: this server reads no files of the user" : roots.join(" or "),
    export_root: exportRoot,
    seed:
      beginning === undefined ? "It begins empty without seed_path." : `Without seed_path it begins with ${beginning}.`,
  };
}

/** The same promise each time. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
