/** A tree of files as a value: made up and edited from a number, written to disk, read back, and seeded from. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { comparePaths, decodePath, encodePath } from "../../src/contract/path-bytes.ts";
import type { SourceEntry } from "../../src/contract/tree.ts";
import type { Baseline } from "../../src/workspaces/baseline/baseline.ts";
import { BaselineRecording } from "../../src/workspaces/baseline/recording.ts";

/** A file's content and mode, or where a symlink points. */
export interface ModelNode {
  readonly kind: "file" | "symlink";
  readonly content: Buffer;
  readonly mode: number;
}

/** Nodes by path; directories are those that the paths lie in. */
export type FileModel = Map<string, ModelNode>;

/** A file. */
export function fileNode(content: string | Buffer, mode = 0o644): ModelNode {
  return { kind: "file", content: Buffer.from(content), mode };
}

/** A symlink. */
export function linkNode(target: string): ModelNode {
  return { kind: "symlink", content: encodePath(target), mode: 0o777 };
}

const absolute = (root: string, path: string) => Buffer.concat([Buffer.from(`${root}/`), encodePath(path)]);

/** Directories of a path, outer ones first. */
export function parentsOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

/** Writes it into an empty directory. */
export function writeModel(root: string, model: FileModel): void {
  const made = new Set<string>();
  for (const [path, { kind, content, mode }] of model) {
    for (const parent of parentsOf(path)) {
      if (made.has(parent)) continue;
      made.add(parent);
      mkdirSync(absolute(root, parent));
    }
    const at = absolute(root, path);
    if (kind === "symlink") symlinkSync(content, at);
    else {
      writeFileSync(at, content);
      chmodSync(at, mode);
    }
  }
}

/** Makes one path what the model has, whatever is there or in its way; removes it where the model has nothing. */
export function editModel(root: string, path: string, node: ModelNode | undefined): void {
  for (const parent of parentsOf(path)) {
    const at = absolute(root, parent);
    const is = lstatSync(at, { throwIfNoEntry: false });
    if (is !== undefined && !is.isDirectory()) rmSync(at);
    if (!is?.isDirectory()) {
      if (node === undefined) return;
      mkdirSync(at);
    }
  }
  rmSync(absolute(root, path), { recursive: true, force: true });
  if (node?.kind === "symlink") symlinkSync(node.content, absolute(root, path));
  else if (node !== undefined) {
    writeFileSync(absolute(root, path), node.content);
    chmodSync(absolute(root, path), node.mode);
  }
}

/** What is on disk: files with their executable bit alone, and symlinks; not what lies in a `.git` at the top. */
export function readModel(root: string): FileModel {
  const model: FileModel = new Map();
  const visit = (directory: string): void => {
    for (const name of readdirSync(absolute(root, directory), { encoding: "buffer" })) {
      const path = directory === "" ? decodePath(name) : `${directory}/${decodePath(name)}`;
      if (path === ".git") continue;
      const at = absolute(root, path);
      const stat = lstatSync(at);
      if (stat.isDirectory()) visit(path);
      else if (stat.isSymbolicLink())
        model.set(path, { kind: "symlink", content: readlinkSync(at, { encoding: "buffer" }), mode: 0o777 });
      else model.set(path, fileNode(readFileSync(at), (stat.mode & 0o100) === 0 ? 0o644 : 0o755));
    }
  };
  visit("");
  return model;
}

/** A model as text that two of can be compared, and told apart by what is printed. */
export function shown(model: FileModel): string[] {
  return [...model]
    .map(
      ([path, { kind, content, mode }]) =>
        `${JSON.stringify(path)} ${kind} ${mode.toString(8)} ${content.toString("latin1")}`,
    )
    .sort();
}

/** Its entries as a seed. */
export function entriesOf(model: FileModel): SourceEntry[] {
  const directories = new Set([...model.keys()].flatMap(parentsOf));
  const entries = [...directories].map((path): SourceEntry => sourceEntry(path, "directory", Buffer.alloc(0), 0o755));
  for (const [path, { kind, content, mode }] of model) entries.push(sourceEntry(path, kind, content, mode));
  return entries.sort((one, other) => comparePaths(one.path, other.path));
}

function sourceEntry(path: string, kind: SourceEntry["kind"], content: Buffer, mode: number): SourceEntry {
  const size_bytes = kind === "file" ? content.length : 0;
  const link_target = kind === "symlink" ? decodePath(content) : null;
  async function* read() {
    if (size_bytes > 0) yield content;
  }
  return { path, kind, mode, size_bytes, link_target, content: read };
}

/** The baseline of a model, in an empty directory. */
export async function recordBaseline(directory: string, entries: readonly SourceEntry[]): Promise<Baseline> {
  const recording = new BaselineRecording(directory);
  async function* stream() {
    yield* entries;
  }
  for await (const _ of recording.pass(stream()));
  return recording.finish();
}
