/** The files of a home's templates, looked at and changed behind pyro's back. */
import { chmodSync, closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { openReadOnly } from "../../src/platform/files.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { type TemplateOrigin, templateKey, templateOrigin } from "../../src/vmm/template-origin.ts";
import { filesBelow } from "./leftovers.ts";

interface TemplateFiles {
  readonly memory: string;
  readonly state: string;
  readonly manifest: string;
}

/** The files of the one template in this home. */
export function onlyTemplate(paths: StatePaths): TemplateFiles {
  const keys = [...new Set(filesBelow(paths.templates).map((name) => name.slice(0, name.indexOf("."))))];
  const [key] = keys;
  if (key === undefined || keys.length > 1) throw new Error(`not one template, but ${keys.length}`);
  return paths.template(key);
}

/** Changes one byte in the middle of a file. */
export function changeByte(path: string): void {
  chmodSync(path, 0o600);
  const middle = Math.floor(readSize(path) / 2);
  const file = openSync(path, "r+");
  writeSync(file, Buffer.from([0x5a]), 0, 1, middle);
  closeSync(file);
}

/** Has the manifest say that its files are as they should be. */
export function restamp(files: TemplateFiles, change: Record<string, unknown> = {}): void {
  const manifest = JSON.parse(readFileSync(files.manifest, "utf8"));
  const stamps = { memory: stampOf(files.memory), state: stampOf(files.state) };
  writeFileSync(files.manifest, JSON.stringify({ ...manifest, ...stamps, ...change }));
}

/** Makes the one template of this home one that was made from something else. */
export function remake(paths: StatePaths, change: Partial<TemplateOrigin>): void {
  const files = onlyTemplate(paths);
  const origin = templateOrigin.parse({ ...JSON.parse(readFileSync(files.manifest, "utf8")).origin, ...change });
  const moved = paths.template(templateKey(origin));
  for (const half of ["memory", "state", "manifest"] as const) renameSync(files[half], moved[half]);
  restamp(moved, { origin });
}

function readSize(path: string): number {
  return Number(stampOf(path).size);
}

function stampOf(path: string) {
  const file = openReadOnly(path);
  if (file === undefined) throw new Error(`no ${path}`);
  const stamp = file.stamp();
  file.close();
  return stamp;
}
