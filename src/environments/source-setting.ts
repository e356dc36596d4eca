/** Where entries of the catalog come from, where no flag says it. */
import { PyroError } from "../contract/errors.ts";
import type { Variables } from "./sources.ts";

const pullSources = ["auto", "registry", "archive"] as const;

/** The registry and, where it fails, the archive; or one of them alone. */
export type PullSource = (typeof pullSources)[number];

const VARIABLE = "PYRO_ENVIRONMENT_SOURCE";

/** What the variable says; `auto` where it says nothing. */
export function sourceSetting(env: Variables): PullSource {
  const value = env[VARIABLE];
  if (value === undefined || value === "") return "auto";
  const source = pullSources.find((known) => known === value);
  if (source !== undefined) return source;
  throw new PyroError("invalid_input", `${VARIABLE} is "${value}", which is none of ${pullSources.join(", ")}`, {
    hint: `unset ${VARIABLE}`,
  });
}
