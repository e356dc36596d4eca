/** What the MCP server may be started with: the same on the command line, in `createServer` and in a chat host's configuration. */
import { z } from "zod";
import { PyroError } from "./errors.ts";

export const profileNames = ["vm-run", "workspace-core", "workspace-full"] as const;
export const modeNames = ["repro-fix", "inspect", "cold-start", "review-eval"] as const;

export type ProfileName = (typeof profileNames)[number];
export type ModeName = (typeof modeNames)[number];

const path = z.string().min(1).max(4_096);

/** Fields of a server, however it is reached. */
export const serverOptions = z.strictObject({
  profile: z.enum(profileNames).optional().describe("Which tools are offered: workspace-core unless a mode is given"),
  mode: z.enum(modeNames).optional().describe("Offer the tools of one kind of work, in place of a profile"),
  environment: z
    .string()
    .min(1)
    .max(512)
    .default("debian:12")
    .describe("Environment of workspaces and machines that name none"),
  project_path: path.optional().describe("Directory that workspaces are seeded from where they name none"),
  repo_url: z.string().min(1).max(2_048).optional().describe("Repository that they are seeded from, cloned clean"),
  repo_ref: z.string().min(1).max(512).optional().describe("Branch, tag or commit of that repository"),
  allow_private_repo: z
    .boolean()
    .default(false)
    .describe("Permit repositories on a private network or on this machine"),
  no_project_source: z.boolean().default(false).describe("Do not look for a checkout around the working directory"),
  allow_path: z
    .array(path)
    .default([])
    .describe("Directory beside the project that files may be taken from, by seed_path and sync push"),
  export_root: path.optional().describe("Directory that exports go to, exports in pyro's state directory by default"),
  allow_host_compat: z.boolean().default(false).describe("Permit the field of that name: the host's own kernel"),
});

/** The same, and how the process is reached. */
export const serveOptions = z.strictObject({
  ...serverOptions.shape,
  http: z
    .string()
    .regex(/^(?:[^\s/@?#]+:)?[0-9]{1,5}$/, { error: "must be PORT or HOST:PORT" })
    .optional()
    .describe("Listen as [HOST:]PORT for Streamable HTTP in place of stdio, on 127.0.0.1 where no host is named"),
});

export type ServerOptionsInput = z.input<typeof serverOptions>;
export type ServerOptions = Readonly<z.infer<typeof serverOptions>>;
export type ServeOptions = Readonly<z.infer<typeof serveOptions>>;

const exclusive: readonly (readonly [keyof ServerOptions, keyof ServerOptions])[] = [
  ["profile", "mode"],
  ["project_path", "repo_url"],
  ["project_path", "no_project_source"],
  ["repo_url", "no_project_source"],
];

/** The options in full. Throws `invalid_input` for what cannot be, or not together. */
export function checkedOptions<T extends ServerOptions>(schema: z.ZodType<T>, given: unknown): T {
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw refused(z.prettifyError(parsed.error).replaceAll("\n", " "));
  const options = parsed.data;
  const isGiven = (name: keyof ServerOptions) => options[name] !== undefined && options[name] !== false;
  for (const [one, other] of exclusive)
    if (isGiven(one) && isGiven(other)) throw refused(`${one} and ${other} exclude each other`);
  if (isGiven("repo_ref") && !isGiven("repo_url")) throw refused("repo_ref needs repo_url");
  return options;
}

function refused(message: string): PyroError {
  return new PyroError("invalid_input", message, { hint: "pyro mcp serve --help" });
}
