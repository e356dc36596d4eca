/** Hints are written for the command line; a model has tools. */
import { operations } from "../operations/index.ts";
import type { Operation } from "../operations/operation.ts";

/** Longer names first, so that none is taken for the beginning of another. */
const commands = Object.values<Operation>(operations)
  .flatMap(({ names }) => (names.mcp === undefined ? [] : [{ cli: `pyro ${names.cli}`, mcp: names.mcp }]))
  .sort((one, other) => other.cli.length - one.cli.length);

/** The text with tools in place of the commands that `offered` has, and their fields in place of flags; others are for a person to type. */
export function inToolWords(text: string, offered: ReadonlySet<string>): string {
  let words = text;
  for (const { cli, mcp } of commands)
    if (offered.has(mcp)) words = words.replaceAll(new RegExp(`${cli}(?![\\w-])`, "g"), mcp);
  const isForPerson = /\bpyro [a-z]/.test(words);
  if (isForPerson) return words;
  return words.replace(/--([a-z][a-z-]*[a-z])/g, (_, flag: string) => flag.replaceAll("-", "_"));
}
