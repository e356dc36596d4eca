/** Pulls an environment and prints each event and the outcome as JSON lines: `pull-environment HOME NAME [ABORT_MS]`. */
import { PyroError } from "../../src/contract/errors.ts";
import { Environments } from "../../src/environments/environments.ts";
import { statePaths } from "../../src/store/paths.ts";

const [, , home = "", name = "", abortMs] = process.argv;
const say = (line: unknown): void => console.log(JSON.stringify(line));
const abort = new AbortController();
if (abortMs !== undefined) setTimeout(() => abort.abort(), Number(abortMs));

try {
  const paths = statePaths({ PYRO_HOME: home });
  const environments = new Environments({ paths, env: process.env, pyro_version: "test" });
  say({ result: await environments.pull(name, { emit: say, signal: abort.signal }) });
} catch (thrown) {
  if (!(thrown instanceof PyroError)) throw thrown;
  say({ error: thrown });
}
