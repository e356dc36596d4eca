/** `pyro mcp serve` on the command line. It is no operation: it offers them to chat hosts. */
import type { Command } from "commander";
import { inputFields } from "../contract/input-fields.ts";
import { serveOptions } from "../contract/server-options.ts";

/** Adds the command; `run` is called with what was asked for, by the names of the options. */
export function addMcpServe(
  program: Command,
  base: (command: Command) => Command,
  run: (options: unknown) => Promise<void>,
): void {
  const group = base(program.command("mcp")).description("The MCP server: workspaces as tools for chat hosts");
  const command = base(group.command("serve"))
    .summary("Serve workspaces as tools to a chat host, over stdio or HTTP")
    .description(
      "Serve workspaces as tools to a chat host, over stdio or HTTP\n\nThe host starts it, and it ends with the host. Workspaces live on until they are deleted " +
        "or their time to live ends. Which tools there are is chosen once, by profile or mode.",
    )
    .usage("[options]")
    .addHelpText("after", "\nExample:\n  $ pyro mcp serve --mode repro-fix");
  for (const { name, type, description, default: preset, choices } of inputFields(serveOptions)) {
    const flag = `--${name.replaceAll("_", "-")}${{ boolean: "", list: " <value>", integer: " <n>", string: " <text>", map: "" }[type]}`;
    const isShown = type === "string" && preset !== undefined;
    const words =
      type === "list" ? `${description}; repeatable` : `${description}${isShown ? ` (default: ${preset})` : ""}`;
    const option = command.createOption(flag, words);
    if (choices !== undefined) option.choices([...choices]);
    if (type === "list") option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    command.addOption(option);
  }
  command.action(() => {
    const given = Object.entries(command.opts<Record<string, unknown>>());
    return run(Object.fromEntries(given.map(([name, value]) => [snakeCase(name), value])));
  });
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
