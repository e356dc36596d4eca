/** Credentials of a registry, from where `docker login` keeps them: Docker's configuration file and its credential programs. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import { cleanText } from "../../contract/text.ts";
import { locateCredentialProgram, runProgram } from "../../platform/programs.ts";
import { readSettings } from "../../platform/settings-file.ts";
import { dockerConfigFile } from "../../store/config-paths.ts";
import { DOCKER_HUB } from "./reference.ts";

/** A password, or a token that stands for a login. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string };

type Variables = Readonly<Record<string, string | undefined>>;

/** The name under which Docker keeps what belongs to Docker Hub. */
const HUB_ADDRESS = "https://index.docker.io/v1/";
const hubNames: readonly string[] = [DOCKER_HUB, "index.docker.io", "registry-1.docker.io"];
/** User name that says that the secret is a token. */
const TOKEN_USER = "<token>";
/** Patience with a credential program, and what it may print (docs/design/limits.md). */
const PROGRAM_MS = 30_000;
const MAX_PRINTED_BYTES = 65_536;

const dockerConfig = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});

type DockerConfig = z.infer<typeof dockerConfig>;

const programAnswer = z.looseObject({ Username: z.string(), Secret: z.string() });

export interface CredentialOptions {
  readonly env: Variables;
  /** Where credential programs are looked for */
  readonly locate?: (name: string) => string | undefined;
}

/** What this user can log in with; a part that does not work is a warning, and counts as nothing. */
export class CredentialStore {
  readonly #env: Variables;
  readonly #locate: (name: string) => string | undefined;
  readonly #known = new Map<string, Promise<Credentials | undefined>>();

  constructor(options: CredentialOptions) {
    this.#env = options.env;
    this.#locate = options.locate ?? locateCredentialProgram;
  }

  /** The credentials for a registry, asked for once; undefined where there are none. */
  of(registry: string, emit: Emit | undefined): Promise<Credentials | undefined> {
    const known = this.#known.get(registry);
    if (known !== undefined) return known;
    const found = this.#find(registry, (message) => void emit?.({ type: "warning", message }));
    this.#known.set(registry, found);
    return found;
  }

  async #find(registry: string, warn: (message: string) => void): Promise<Credentials | undefined> {
    const path = dockerConfigFile(this.#env);
    const config = readDockerConfig(path, warn);
    if (config === undefined) return undefined;
    const named = Object.entries(config.credHelpers ?? {}).find(([key]) => isFor(key, registry))?.[1];
    const program = named ?? config.credsStore ?? "";
    const printed = program === "" ? undefined : await this.#ask(program, registry, warn);
    if (printed !== undefined) return printed;
    const entries = Object.entries(config.auths ?? {});
    const entry = entries.find(([key]) => isFor(key, registry))?.[1];
    return entry && ofEntry(entry, () => warn(`The credentials of "${registry}" in "${path}" cannot be read`));
  }

  /** Docker's protocol: the address on standard input, an object on standard output. */
  async #ask(name: string, registry: string, warn: (message: string) => void): Promise<Credentials | undefined> {
    const failed = (reason: string) => {
      warn(`The credential program "${shown(name)}" ${reason}; going on without credentials for "${registry}"`);
      return undefined;
    };
    const program = this.#locate(name);
    if (program === undefined) return failed("is not installed in a directory for programs");
    const server = hubNames.includes(registry) ? HUB_ADDRESS : registry;
    const { exit_code, stdout } = await runProgram(program, ["get"], {
      stdin: `${server}\n`,
      env: definedOf(this.#env),
      timeout_ms: PROGRAM_MS,
      max_output_bytes: MAX_PRINTED_BYTES,
    }).catch(() => ({ exit_code: null, stdout: "" }));
    if (exit_code !== 0 && /credentials not found/i.test(stdout)) return undefined;
    if (exit_code === null) return failed(`did not end by itself within ${PROGRAM_MS / 1000} s`);
    if (exit_code !== 0) return failed(`ended with ${exit_code}: ${shown(stdout)}`);
    const answer = programAnswer.safeParse(parseJson(stdout));
    if (!answer.success) return failed("printed no credentials");
    const { Username, Secret } = answer.data;
    if (Secret === "") return undefined;
    return Username === TOKEN_USER
      ? { kind: "token", token: Secret }
      : { kind: "password", username: Username, password: Secret };
  }
}

function readDockerConfig(path: string, warn: (message: string) => void): DockerConfig | undefined {
  try {
    const text = readSettings(path);
    if (text === undefined) return undefined;
    const parsed = dockerConfig.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    warn(`"${path}" is not as Docker writes it; going on without credentials`);
  } catch (thrown) {
    if (!(thrown instanceof PyroError)) throw thrown;
    warn(`${thrown.message}; going on without credentials`);
  }
  return undefined;
}

/** Keys of Docker's file are hosts, or addresses of which the host counts. */
function isFor(key: string, registry: string): boolean {
  const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === registry || (hubNames.includes(host) && hubNames.includes(registry));
}

type Entry = NonNullable<DockerConfig["auths"]>[string];

function ofEntry(entry: Entry, refuse: () => void): Credentials | undefined {
  if (entry.identitytoken) return { kind: "token", token: entry.identitytoken };
  if (entry.username && entry.password) return { kind: "password", username: entry.username, password: entry.password };
  if (!entry.auth) return undefined;
  const text = Buffer.from(entry.auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon > 0) return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  refuse();
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function definedOf(env: Variables): Record<string, string> {
  const entries = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(entries);
}

/** A program's text in one short line. */
function shown(text: string): string {
  return cleanText(text).trim().replace(/\s+/g, " ").slice(0, 200);
}
