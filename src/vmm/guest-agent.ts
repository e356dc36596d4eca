/** The guest agent of this installation: one static binary beside a description of its build. */
import { join } from "node:path";
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { readJson } from "../platform/files.ts";
import { packageRoot } from "../platform/package-root.ts";

const description = z.strictObject({
  schema_version: z.literal(1),
  version: z.string(),
  build: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface GuestAgent {
  /** Absolute path of the binary */
  readonly path: string;
  /** Identity that host and guest must agree on */
  readonly build: string;
  /** Hex SHA-256 of the binary */
  readonly sha256: string;
}

/** The agent that was built with this pyro. Throws `agent_missing`. */
export function guestAgent(): GuestAgent {
  const directory = join(packageRoot(), "dist", "guest");
  const read = readJson(join(directory, "agent.json"), description);
  if (read.state !== "whole") {
    const why = read.state === "absent" ? "is not there" : `is damaged: ${read.reason}`;
    throw new PyroError("agent_missing", `"${join(directory, "agent.json")}" ${why}`);
  }
  return { path: join(directory, "pyro-agent"), build: read.value.build, sha256: read.value.sha256 };
}
