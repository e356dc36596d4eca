/** The project's own TypeScript files, as the contract tests look at them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";

export const root = packageRoot();

export interface SourceFile {
  /** From the root of the checkout, with `/` */
  readonly path: string;
  readonly text: string;
}

/** Every `.ts` file under the folders, sorted by path. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap(pathsUnder).map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function pathsUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

export const isTest = (path: string): boolean => path.endsWith(".test.ts");
