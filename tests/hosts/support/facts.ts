/** The facts of a result, read from what a host showed its model and from nothing else. */
import type { ChatHost } from "./chat-hosts.ts";
import type { SeenResult } from "./script.ts";

export type Facts = Readonly<Record<string, unknown>>;

/** Reads the structured form where a host shows that, and the text where it shows that. Throws where there are none. */
export function factsOf(host: ChatHost, { tool, text }: SeenResult): Facts {
  const facts = host.shows === "structured" ? structured(text) : fromText(text);
  if (facts === undefined || Object.keys(facts).length === 0)
    throw new Error(`${host.name} showed no facts of ${tool}: ${text.slice(0, 500)}`);
  return facts;
}

/** Facts of the last result of a tool. */
export function lastOf(host: ChatHost, seen: readonly SeenResult[], tool: string): Facts {
  const found = seen.findLast((result) => result.tool === tool);
  if (found === undefined) throw new Error(`${host.name} showed no result of ${tool}`);
  return factsOf(host, found);
}

/** A host may put words of its own before it. */
function structured(text: string): Facts | undefined {
  const begin = text.indexOf("{");
  return begin < 0 ? undefined : (JSON.parse(text.slice(begin)) as Facts);
}

const FIELD = /(\w+)=("(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|\S*)/g;

/** One field a line, blocks of text with their lengths, and lists with an entry a line. */
function fromText(text: string): Facts {
  const facts: Record<string, unknown> = {};
  let rest = text;
  while (rest !== "") {
    const block = /^--- (\w+) \((\d+) characters\) ---\n/.exec(rest);
    const [head = "", name = "", length] = block ?? /^(?:(\w+): ?)?[^\n]*\n?/.exec(rest) ?? [];
    if (block) facts[name] = rest.slice(head.length, head.length + Number(length));
    else if (name !== "") facts[name] = head.trimEnd().endsWith(":") ? listAfter(rest.slice(head.length)) : line(head);
    rest = rest.slice(head.length + (block ? Number(length) : 0));
  }
  return facts;
}

function listAfter(rest: string): unknown[] {
  const [entries = ""] = /^(?:- .*(?:\n|$))*/.exec(rest) ?? [];
  return entries
    .split("\n")
    .filter((entry) => entry !== "")
    .map((entry) => fields(entry));
}

function line(head: string): unknown {
  const value = head.trimEnd().replace(/^\w+: /, "");
  return /^\w+=/.test(value) ? fields(value) : scalar(value);
}

function fields(text: string): Facts {
  return Object.fromEntries([...text.matchAll(FIELD)].map(([, name, value = ""]) => [name, scalar(value)]));
}

/** Numbers, truths and quoted texts are spelt as in JSON; other texts are themselves. */
function scalar(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
