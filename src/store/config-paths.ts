/** Where people keep the settings that pyro reads: its own, and Docker's credentials. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

type Variables = Readonly<Record<string, string | undefined>>;

/** The user's settings of pyro; `PYRO_HOME` wins over the XDG directory. */
export function configFile(env: Variables, home: string = homedir()): string {
  const own = env["PYRO_HOME"];
  if (own !== undefined && own !== "") return join(own, "config.json");
  const base = env["XDG_CONFIG_HOME"];
  return join(base !== undefined && isAbsolute(base) ? base : join(home, ".config"), "pyro", "config.json");
}

/** Where `docker login` writes. */
export function dockerConfigFile(env: Variables, home: string = env["HOME"] ?? homedir()): string {
  const own = env["DOCKER_CONFIG"];
  return join(own !== undefined && own !== "" ? own : join(home, ".docker"), "config.json");
}
