/** Models and edits of them that are made up from a number: odd names, odd contents, and one kind of thing in the place of another. */
import { type FileModel, fileNode, linkNode, type ModelNode, parentsOf } from "./file-model.ts";

type Below = (bound: number) => number;

/** What edits may do beside plain text. */
export interface EditOptions {
  readonly binary: boolean;
  readonly links: boolean;
}

const names = [
  "plain",
  "a b",
  'quo"te',
  "new\nline",
  "tab\there",
  "back\\slash",
  "bytes\udcff\udc80",
  "é",
  "🦀",
  "-rf",
  " lead",
  "trail ",
  "a",
  "b",
  "diff --git a",
  "cr\r",
];

const pick = <T>(below: Below, from: readonly T[]): T => {
  const value = from[below(from.length)];
  if (value === undefined) throw new Error("nothing to pick from");
  return value;
};

function randomPath(below: Below): string {
  const depth = 1 + below(3);
  return Array.from({ length: depth }, () => (below(3) === 0 ? `n${below(40)}` : pick(below, names))).join("/");
}

const words = [
  "alpha",
  "--- a/x",
  "+++ b/x",
  "@@ -1 +1 @@",
  "\\ No newline at end of file",
  "-- ",
  "diff --git",
  "\r",
  "é",
  "\ttab",
];

function line(below: Below): string {
  return `${pick(below, words)} ${below(100_000)}${below(6) === 0 ? "\r" : ""}`;
}

function randomText(below: Below): string {
  const lines = Array.from({ length: below(30) }, () => line(below));
  return lines.join("\n") + (below(4) === 0 ? "" : "\n");
}

function randomNode(below: Below, { binary, links }: EditOptions): ModelNode {
  const mode = below(4) === 0 ? 0o755 : 0o644;
  const kind = below(12);
  if (kind === 0) return fileNode("", mode);
  if (kind === 1 && links)
    return linkNode(pick(below, ["x", "../y", "a\nb", "bytes\udcff", "/etc/passwd", "dangling/é"]));
  if (kind < 4 && binary) return fileNode(Buffer.from(Array.from({ length: below(300) }, () => below(256))), mode);
  return fileNode(randomText(below), mode);
}

/** Whether a path fits beside the others: nothing but directories above it, nothing below. */
function isFree(model: FileModel, path: string): boolean {
  if (model.has(path) || parentsOf(path).some((parent) => model.has(parent))) return false;
  return ![...model.keys()].some((other) => other.startsWith(`${path}/`));
}

/** A tree of about that many files. */
function randomModel(below: Below, size: number, options: EditOptions): FileModel {
  const model: FileModel = new Map();
  for (let left = size; left > 0; left -= 1) {
    const path = randomPath(below);
    if (isFree(model, path)) model.set(path, randomNode(below, options));
  }
  return model;
}

function editText(below: Below, { content, mode }: ModelNode): ModelNode {
  const lines = content.toString("latin1").split("\n");
  for (let edits = 1 + below(3); edits > 0; edits -= 1) {
    const at = below(lines.length + 1);
    const fresh = Array.from({ length: below(3) }, () => Buffer.from(line(below)).toString("latin1"));
    lines.splice(at, below(3), ...fresh);
  }
  return fileNode(Buffer.from(lines.join("\n"), "latin1"), mode);
}

function removeBelow(model: FileModel, directory: string): void {
  for (const path of [...model.keys()]) if (path.startsWith(`${directory}/`)) model.delete(path);
}

/** A copy of a model with some edits. */
function randomEdits(below: Below, from: FileModel, edits: number, options: EditOptions): FileModel {
  const model: FileModel = new Map(from);
  for (let left = edits; left > 0; left -= 1) edit(below, model, options);
  return model;
}

function edit(below: Below, model: FileModel, options: EditOptions): void {
  const [path, node] = model.size > 0 ? pick(below, [...model]) : ["", undefined];
  const fresh = randomPath(below);
  const kind = below(8);
  if (kind === 0 || node === undefined) {
    if (isFree(model, fresh)) model.set(fresh, randomNode(below, options));
  } else if (kind === 1) model.delete(path);
  else if (kind === 2 && node.kind === "file") model.set(path, { ...node, mode: node.mode === 0o644 ? 0o755 : 0o644 });
  else if (kind === 3) {
    model.delete(path);
    model.set(isFree(model, fresh) ? fresh : path, node);
  } else if (kind === 4) {
    model.delete(path);
    model.set(`${path}/inner ${below(9)}`, randomNode(below, options));
  } else if (kind === 5 && path.includes("/")) {
    const directory = pick(below, parentsOf(path));
    removeBelow(model, directory);
    model.set(directory, randomNode(below, options));
  } else if (kind === 6) model.set(path, options.links ? randomNode(below, options) : editText(below, node));
  else if (node.kind === "file") model.set(path, editText(below, node));
}

/** Many small trees, each in a directory of its own, before and after some edits. */
export function randomPrograms(
  below: Below,
  count: number,
  options: EditOptions,
): { readonly before: FileModel; readonly after: FileModel } {
  const [before, after]: [FileModel, FileModel] = [new Map(), new Map()];
  for (let program = 0; program < count; program += 1) {
    const from = randomModel(below, 4, options);
    const to = randomEdits(below, from, 1 + below(8), options);
    for (const [path, node] of from) before.set(`p${program}/${path}`, node);
    for (const [path, node] of to) after.set(`p${program}/${path}`, node);
  }
  return { before, after };
}
