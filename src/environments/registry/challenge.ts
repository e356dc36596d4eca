/** What a server asks for before it answers: the challenges of `WWW-Authenticate` (RFC 9110, 11.6.1). */

export interface Challenge {
  /** In small letters */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** More challenges, and parameters of one, are not read (docs/design/limits.md). */
const MAX_CHALLENGES = 8;
const MAX_PARAMETERS = 16;

const SCHEME = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/y;
const BETWEEN = /[ \t,]*/y;

/** The challenges of a header, in their order; what cannot be read ends the list. */
export function readChallenges(header: string): Challenge[] {
  const found: Challenge[] = [];
  let at = skip(header, 0);
  while (at < header.length && found.length < MAX_CHALLENGES) {
    const scheme = match(SCHEME, header, at)?.[0];
    if (scheme === undefined) return found;
    at = skip(header, at + scheme.length);
    const parameters = new Map<string, string>();
    for (let one = match(PARAMETER, header, at); one !== null; one = match(PARAMETER, header, at)) {
      const [whole, name = "", quoted, bare = ""] = one;
      if (parameters.size < MAX_PARAMETERS && !parameters.has(name.toLowerCase()))
        parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare);
      at = skip(header, at + whole.length);
    }
    found.push({ scheme: scheme.toLowerCase(), parameters: Object.fromEntries(parameters) });
  }
  return found;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skip(text: string, at: number): number {
  return at + (match(BETWEEN, text, at)?.[0].length ?? 0);
}
