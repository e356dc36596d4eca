/** The product's table of contents: every public operation under its SDK name. */
import { doctor } from "./doctor.ts";
import { envInspect } from "./env/inspect.ts";
import { envList } from "./env/list.ts";
import { envPrune } from "./env/prune.ts";
import { envPull } from "./env/pull.ts";
import { prepare } from "./prepare.ts";
import { run } from "./run.ts";

export const operations = {
  runInVm: run,
  listEnvironments: envList,
  pullEnvironment: envPull,
  inspectEnvironment: envInspect,
  pruneEnvironments: envPrune,
  prepare,
  doctor,
} as const;

/** What a CLI group is for, by its first word. */
export const groups: Readonly<Record<string, string>> = {
  env: "Environments: what guests are started from",
};
