/** Completion in a person's shell: what may come next on a command line, and the scripts that ask for it. */
import type { Command } from "commander";
import { PyroError } from "../contract/errors.ts";

/** What there is to be named, as far as it is asked for. */
export interface Known {
  environments(): Promise<string[]>;
  workspaces(): string[];
  services(workspace: string): Promise<string[]>;
  snapshots(workspace: string): Promise<string[]>;
  shells(workspace: string): Promise<string[]>;
}

/** Shells that there is a script for. */
export const completionShells = ["bash", "zsh", "fish"] as const;
export type CompletionShell = (typeof completionShells)[number];

/** The command that the scripts call; it is not shown. */
export const COMPLETE = "__complete";

const scripts: Readonly<Record<CompletionShell, string>> = {
  bash: `_pyro() {
  local IFS=$'\\n'
  COMPREPLY=($(pyro ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default 2>/dev/null
}
complete -F _pyro pyro
`,
  zsh: `#compdef pyro
_pyro() {
  local -a found
  found=("\${(@f)$(pyro ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _pyro pyro
`,
  fish: `function __pyro_complete
  set -l words (commandline -opc) (commandline -ct)
  pyro ${COMPLETE} $words[2..-1] 2>/dev/null
end
complete -c pyro -a '(__pyro_complete)'
`,
};

/** The script for a shell. Throws `invalid_input` for one that there is none for. */
export function completionScript(shell: string): string {
  const script = Object.entries(scripts).find(([name]) => name === shell)?.[1];
  if (script !== undefined) return script;
  throw new PyroError("invalid_input", `"${shell}" is none of ${completionShells.join(", ")}`, {
    hint: "pyro completion bash",
  });
}

/** What may stand in place of the last of `words`, each as it would be typed. */
export async function completions(program: Command, words: readonly string[], known: Known): Promise<string[]> {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  if (before.includes("--")) return [];
  const { command, positional, pending } = place(program, before);
  const candidates =
    pending !== undefined
      ? valuesOf(pending)
      : last.startsWith("-")
        ? command.options.flatMap(({ long }) => long ?? [])
        : command.commands.length > 0
          ? command.commands.map((each) => each.name()).filter((name) => !name.startsWith("_"))
          : await argumentsFor(command, positional, known);
  return candidates.filter((candidate) => candidate.startsWith(last));

  function valuesOf(option: string): string[] {
    const found = command.options.find(({ long }) => long === option);
    return [...(found?.argChoices ?? [])];
  }
}

/** The command that the words lead to, the arguments it has so far, and the option that waits for its value. */
function place(program: Command, words: readonly string[]) {
  let command = program;
  let pending: string | undefined;
  const positional: string[] = [];
  for (const word of words) {
    const option = command.options.find(({ long, short }) => long === word || short === word);
    const below = command.commands.find((each) => each.name() === word);
    if (pending !== undefined) pending = undefined;
    else if (option !== undefined) pending = option.required || option.optional ? option.long : undefined;
    else if (below !== undefined && positional.length === 0) command = below;
    else if (!word.startsWith("-")) positional.push(word);
  }
  return { command, positional, pending };
}

async function argumentsFor(command: Command, given: readonly string[], known: Known): Promise<string[]> {
  const name = command.registeredArguments[given.length]?.name();
  if (name === "environment") return known.environments();
  if (name === "workspace_id") return known.workspaces();
  if (name === "service_name") return known.services(given[0] ?? "");
  if (name === "shell_id") return known.shells(given[0] ?? "");
  if (name === "snapshot_name") return known.snapshots(given[0] ?? "");
  return [];
}
