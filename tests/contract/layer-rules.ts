/** Judges imports by the table of layers; a violation names the file, what it imports, and what it may import. */
import { isBuiltin } from "node:module";
import type { Import } from "./imports.ts";
import { builtinsOfPlatformAlone, harmlessBuiltins, layers, surfaces } from "./layer-table.ts";

/** The sentences for every import that the table does not permit. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap((found) => problem(found) ?? []);
}

function problem(found: Import): string | undefined {
  const layer = layerOf(found.from);
  const rule = layers[layer];
  if (rule === undefined) return `${found.from} is in no layer: src/ has ${Object.keys(layers).join(", ")}`;
  if (found.target.startsWith("src/") || found.target.endsWith(".json")) return ownProblem(found, layer, rule.may);
  if (isBuiltin(found.target)) return builtinProblem(found, layer);
  const name = packageName(found.target);
  return rule.packages.includes(name)
    ? undefined
    : denied(
        found,
        layer,
        rule.packages.map((item) => `the package ${item}`),
      );
}

function ownProblem(found: Import, layer: string, may: readonly string[]): string | undefined {
  const target = found.target.startsWith("src/") ? layerOf(found.target) : `../${found.target}`;
  if (target === layer || target === "version.ts") return undefined;
  if (surfaces.includes(target) && !may.includes(target))
    return `${found.from} imports ${found.target}: nothing imports a surface (${surfaces.join(", ")})`;
  if (may.includes(target) || (found.typeOnly && may.includes(`types of ${target}`))) return undefined;
  return denied(found, layer, [layer, ...may]);
}

function builtinProblem(found: Import, layer: string): string | undefined {
  if (!found.target.startsWith("node:")) return `${found.from} imports ${found.target}: write node:${found.target}`;
  if (layer === "platform" || found.typeOnly) return undefined;
  if (layer === "contract") return denied(found, layer, ["no built-in module: contract has no I/O"]);
  if (harmlessBuiltins.includes(found.target)) return undefined;
  return `${denied(found, layer, harmlessBuiltins)}; ${builtinsOfPlatformAlone} belongs to src/platform`;
}

function denied(found: Import, layer: string, allowed: readonly string[]): string {
  const what = found.typeOnly ? "imports types of" : "imports";
  return `${found.from} ${what} ${found.target}: ${layer} may import ${allowed.join(", ")}`;
}

/** The folder of `src/` that a file lies in, or its own name where it lies directly in `src/`. */
function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Every cycle among our own files, each once, as the list of its files. */
export function cycles(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, target } of imports) targets.set(from, [...(targets.get(from) ?? []), target]);
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.push([...trail.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...trail, file]);
    done.add(file);
  };
  for (const file of targets.keys()) walk(file, []);
  return found;
}
