/** The chat hosts as data: which package, how each is configured by hand, and how it is asked one thing without a person. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pyroProgram } from "../../support/cli.ts";
import { anthropicMessages } from "./anthropic.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses } from "./openai-responses.ts";
import type { Dialect, ToolUse } from "./script.ts";

/** What a session needs to know to be written into a host's configuration. */
export interface HostSettings {
  readonly home: string;
  readonly project: string;
  /** Where the scripted model listens */
  readonly model_url: string;
  /** Flags of `pyro mcp serve` */
  readonly flags: readonly string[];
  /** How long one call of a tool may take; the host's own limit where undefined */
  readonly tool_timeout_seconds: number | undefined;
}

export interface ChatHost {
  readonly name: string;
  /** npm package, and the file of it that is run */
  readonly package: string;
  readonly version: string;
  readonly program: string;
  readonly dialect: Dialect;
  /** What a model is shown of a result: the structured form or the text */
  readonly shows: "structured" | "text";
  /** Whether its limit on one call begins anew with each word of progress */
  readonly minds_progress: boolean;
  /** The call that makes tools callable, where the host leaves most of them out until a model asks; undefined where all are there */
  readonly load: ((tools: readonly string[]) => ToolUse) | undefined;
  /** Files that the host itself puts into a project */
  readonly leaves: readonly string[];
  configure(settings: HostSettings): void;
  /** Arguments that ask one thing */
  args(prompt: string): readonly string[];
  env(settings: HostSettings): Readonly<Record<string, string>>;
}

const MODEL = "scripted-model";

const server = ({ flags }: HostSettings) => ["mcp", "serve", ...flags];

function write(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
}

export const claudeCode: ChatHost = {
  name: "Claude Code",
  package: "@anthropic-ai/claude-code",
  version: "2.1.330",
  program: "@anthropic-ai/claude-code-linux-x64/claude",
  dialect: anthropicMessages,
  shows: "structured",
  minds_progress: false,
  load: (tools) => ({
    tool: "ToolSearch",
    input: { query: `select:${tools.map((tool) => `mcp__pyro__${tool}`).join(",")}`, max_results: 10 },
  }),
  leaves: [],
  configure: (settings) => {
    const entry = {
      type: "stdio",
      command: pyroProgram,
      args: server(settings),
      env: {},
      ...(settings.tool_timeout_seconds && { timeout: settings.tool_timeout_seconds * 1_000 }),
    };
    write(
      join(settings.home, ".claude.json"),
      JSON.stringify({ hasCompletedOnboarding: true, mcpServers: { pyro: entry } }),
    );
  },
  args: (prompt) => ["-p", prompt, "--allowedTools", "mcp__pyro", "--model", MODEL],
  env: ({ model_url }) => ({
    ANTHROPIC_BASE_URL: model_url,
    ANTHROPIC_API_KEY: "scripted",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
  }),
};

export const codex: ChatHost = {
  name: "Codex",
  package: "@openai/codex",
  version: "0.169.0",
  program: "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
  dialect: openaiResponses,
  shows: "structured",
  minds_progress: false,
  load: undefined,
  leaves: [],
  configure: (settings) => {
    const lines = [
      `model = "${MODEL}"`,
      'model_provider = "scripted"',
      "check_for_update_on_startup = false",
      "[model_providers.scripted]",
      'name = "scripted"',
      `base_url = "${settings.model_url}/v1"`,
      'wire_api = "responses"',
      "request_max_retries = 0",
      "stream_max_retries = 0",
      `[projects."${settings.project}"]`,
      'trust_level = "trusted"',
      "[mcp_servers.pyro]",
      `command = "${pyroProgram}"`,
      `args = ${JSON.stringify(server(settings))}`,
      "required = true",
      ...(settings.tool_timeout_seconds ? [`tool_timeout_sec = ${settings.tool_timeout_seconds}`] : []),
      "",
    ];
    write(join(settings.home, ".codex", "config.toml"), lines.join("\n"));
  },
  args: (prompt) => ["exec", prompt],
  env: () => ({}),
};

export const openCode: ChatHost = {
  name: "OpenCode",
  package: "opencode-ai",
  version: "1.18.33",
  program: "opencode-linux-x64-baseline/bin/opencode",
  dialect: openaiChat,
  shows: "text",
  minds_progress: true,
  load: undefined,
  // Its own number for the project.
  leaves: [".git/opencode"],
  configure: (settings) => {
    const entry = {
      type: "local",
      command: [pyroProgram, ...server(settings)],
      enabled: true,
      ...(settings.tool_timeout_seconds && { timeout: settings.tool_timeout_seconds * 1_000 }),
    };
    const provider = {
      npm: "@ai-sdk/openai-compatible",
      name: "scripted",
      options: { baseURL: `${settings.model_url}/v1`, apiKey: "scripted" },
      models: { [MODEL]: { name: MODEL, tool_call: true, limit: { context: 200_000, output: 8_000 } } },
    };
    const config = {
      $schema: "https://opencode.ai/config.json",
      autoupdate: false,
      share: "disabled",
      permission: "allow",
      enabled_providers: ["scripted"],
      provider: { scripted: provider },
      mcp: { pyro: entry },
    };
    write(join(settings.home, ".config", "opencode", "opencode.json"), JSON.stringify(config));
  },
  args: (prompt) => ["run", "--model", `scripted/${MODEL}`, prompt],
  env: () => ({
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  }),
};
