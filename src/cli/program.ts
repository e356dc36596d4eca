/** The command line, derived from the operations tree. */
import { Command, type CommanderError, Option } from "commander";
import { PyroError } from "../contract/errors.ts";
import { type InputField, inputFields } from "../contract/input-fields.ts";
import { groups, operations } from "../operations/index.ts";
import type { Operation } from "../operations/operation.ts";
import { version } from "../version.ts";
import { type AttachRequest, addAttach } from "./attach.ts";
import { mapOf, mapValue, withoutValue } from "./map-flags.ts";
import { addMcpServe } from "./mcp-serve.ts";

/** A command line that was understood: which operation, with what input, shown how. */
export interface Invocation {
  readonly op: Operation;
  readonly input: Record<string, unknown>;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Whether the guest's command gets this process's standard input */
  readonly takes_stdin: boolean;
  /** Files to read text fields from, by field */
  readonly files: Readonly<Record<string, string>>;
  /** The one field of the output that is wanted, where it is one */
  readonly only: string | undefined;
}

/** Builds the program; `run` is called with what the command line asks for. */
export function buildProgram(
  run: (invocation: Invocation) => Promise<void>,
  rest: readonly string[] | undefined,
  attach: (request: AttachRequest) => Promise<void> = async () => {},
  serve: (options: unknown) => Promise<void> = async () => {},
): Command {
  const program = base(new Command("pyro"))
    .description("The disposable workspace where a coding agent does real work safely")
    .version(version, "-V, --version", "Show the version")
    .helpCommand("help [command]", "Show help for a command");
  for (const op of Object.values<Operation>(operations)) addOperation(program, op, run, rest);
  addAttach(["workspace", "shell"].reduce(group, program), base, (request) => {
    refuseRest("workspace shell attach", rest);
    return attach(request);
  });
  addMcpServe(program, base, (options) => {
    refuseRest("mcp serve", rest);
    return serve(options);
  });
  return program;
}

function base(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .helpOption("-h, --help", "Show help")
    .configureHelp({ subcommandTerm: term })
    .showSuggestionAfterError();
}

function addOperation(
  program: Command,
  op: Operation,
  run: (invocation: Invocation) => Promise<void>,
  rest: readonly string[] | undefined,
): void {
  const words = op.names.cli.split(" ");
  const parent = words.slice(0, -1).reduce(group, program);
  const fields = inputFields(op.input);
  const positional = op.positional
    .map((name) => fields.find((field) => field.name === name))
    .filter((field) => field !== undefined);
  const command = base(parent.command(words.at(-1) ?? ""))
    .summary(op.summary)
    .description(`${op.summary}\n\n${op.description}`);
  for (const field of positional.filter(({ type }) => type !== "list"))
    command.argument(field.required ? `<${field.name}>` : `[${field.name}]`, description(field));
  for (const field of fields) if (!positional.includes(field)) command.addOption(flag(field, op));
  if (op.stdin === "asked") command.option("--stdin", "Pass standard input on to the command");
  for (const [name, option] of Object.entries(op.from_file ?? {}))
    command.option(`--${option} <path>`, `Read ${name} from this file; - is standard input`);
  for (const [option, name] of Object.entries(op.only ?? {}))
    command.option(`--${option}`, `Print ${name} and nothing else`);
  command.option("--json", "Print one JSON document on stdout and nothing else");
  command.option("-q, --quiet", "Print no progress");
  command.usage(usage(positional));
  command.addHelpText("after", `\nExample:\n  $ ${op.example}`);
  command.action(() => run(read(command, op, positional, fields, rest)));
}

/** A command as it is typed; a group is its name alone. */
function term(command: Command): string {
  return command.commands.length > 0 ? command.name() : `${command.name()} ${command.usage()}`;
}

/** The group called `word` under `parent`, made at its first use. */
function group(parent: Command, word: string): Command {
  return (
    parent.commands.find((command) => command.name() === word) ??
    base(parent.command(word)).description(groups[word] ?? "")
  );
}

function usage(positional: readonly InputField[]): string {
  const words = positional.map((field) =>
    field.type === "list" ? `-- ${field.name.toUpperCase()}…` : placeholder(field),
  );
  const list = words.filter((word) => word.startsWith("--"));
  return [...words.filter((word) => !word.startsWith("--")), "[options]", ...list].join(" ");
}

function placeholder({ name, required }: InputField): string {
  return required ? name.toUpperCase() : `[${name.toUpperCase()}]`;
}

function description(field: InputField): string {
  if (field.type === "list" || field.type === "map") return `${field.description}; repeatable`;
  const shown = field.default === undefined || field.default === false ? "" : ` (default: ${field.default})`;
  return `${field.description}${shown}`;
}

function flag(field: InputField, op: Operation): Option {
  const name = field.name.replaceAll("_", "-");
  const map = ` ${mapValue(op, field)}`;
  const value = { boolean: "", integer: " <n>", string: " <text>", list: " <value>", map }[field.type];
  const option = new Option(`--${name}${value}`, description(field));
  if (field.type === "list" || field.type === "map")
    return option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  return field.choices === undefined ? option : option.choices([...field.choices]);
}

function read(
  command: Command,
  op: Operation,
  positional: readonly InputField[],
  fields: readonly InputField[],
  rest: readonly string[] | undefined,
): Invocation {
  const options = command.opts<Record<string, unknown>>();
  const input: Record<string, unknown> = {};
  const isPrivate = Object.values(op.map_flags ?? {}).some(({ is_private }) => is_private === true);
  if (!positional.some((field) => field.type === "list")) refuseRest(op.names.cli, rest, isPrivate);
  for (const field of fields) {
    const value = options[camelCase(field.name)];
    if (field.type === "map" && Array.isArray(value)) input[field.name] = mapOf(op, field, value.map(String));
    else if (value !== undefined) input[field.name] = fromText(field, value);
  }
  for (const [at, field] of positional.entries()) {
    if (field.type === "list") input[field.name] = rest ?? [];
    else if (command.args[at] !== undefined) input[field.name] = fromText(field, command.args[at]);
  }
  const files = Object.entries(op.from_file ?? {}).flatMap(([name, option]) => {
    const path = options[camelCase(option.replaceAll("-", "_"))];
    return typeof path === "string" ? [[name, path] as const] : [];
  });
  const only = Object.entries(op.only ?? {}).find(
    ([option]) => options[camelCase(option.replaceAll("-", "_"))] === true,
  );
  return {
    op,
    input,
    json: options["json"] === true,
    quiet: options["quiet"] === true,
    takes_stdin: op.stdin === "always" || (op.stdin === "asked" && options["stdin"] === true),
    files: Object.fromEntries(files),
    only: only?.[1],
  };
}

function refuseRest(words: string, rest: readonly string[] | undefined, isPrivate = false): void {
  if (rest === undefined) return;
  const extra = isPrivate ? `${rest.length} words` : rest.map((word) => JSON.stringify(word)).join(" ");
  throw new PyroError("invalid_input", `${words} takes no command after --, but got ${extra}`, {
    hint: `pyro ${words} --help`,
  });
}

/** A number is decimal digits; anything else reaches the schema as text, which refuses it with its range. */
function fromText(field: InputField, value: unknown): unknown {
  return field.type === "integer" && typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Splits a command line at its first `--`. */
export function splitRest(args: readonly string[]): { own: readonly string[]; rest: readonly string[] | undefined } {
  const at = args.indexOf("--");
  return at < 0 ? { own: args, rest: undefined } : { own: args.slice(0, at), rest: args.slice(at + 1) };
}

/** What commander could not understand, as pyro's error; undefined when it only showed help or the version. */
export function usageError(thrown: CommanderError): PyroError | undefined {
  if (thrown.exitCode === 0 || thrown.code === "commander.help") return undefined;
  const message = withoutValue(thrown.message.replace(/^error: /, ""));
  const code = thrown.code === "commander.unknownCommand" ? "unknown_command" : "invalid_input";
  return new PyroError(code, message, { hint: hintFor(thrown) });
}

function hintFor(thrown: CommanderError): string {
  const word = /^error: too many arguments for '([^']+)'/.exec(thrown.message)?.[1];
  const op = Object.values<Operation>(operations).find(({ names }) => names.cli.split(" ").at(-1) === word);
  if (op === undefined) return "pyro --help";
  const takesCommand = inputFields(op.input).some(
    (field) => field.type === "list" && op.positional.includes(field.name),
  );
  return takesCommand ? `Put the guest's command after --: ${op.example}` : `pyro ${op.names.cli} --help`;
}
