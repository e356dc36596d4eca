/** Whether the Debian archive answers, asked the way a build asks it: through apt, its proxies included. */
import type { StatePaths } from "../store/paths.ts";
import { hostProxy } from "./archive.ts";
import { buildError } from "./archive-log.ts";
import { runGuarded, scratch } from "./guard.ts";
import { mirrorsOf, proxySettings, releaseUrls, type Variables } from "./sources.ts";

/** Scratch for one signed index, in `MiB`. */
const SCRATCH_MIB = 16;

const script = `
build() {
  ${hostProxy}
  /usr/lib/apt/apt-helper -oAPT::Sandbox::User=root -oAcquire::Retries=0 -oAcquire::http::Timeout=5 download-file "$1" release >&2
}
`;

/** The address that answered; throws `archive_unreachable` where it does not. */
export async function askArchive(
  suite: string,
  paths: StatePaths,
  env: Variables,
  signal: AbortSignal,
): Promise<string> {
  const [url = ""] = releaseUrls(suite, mirrorsOf(env));
  paths.prepareCache();
  const result = await runGuarded({
    script,
    args: [url],
    ...scratch(SCRATCH_MIB, paths),
    env: proxySettings(env),
    signal,
  });
  if (result.exit_code !== 0) throw buildError(result.log, "the archive's index", paths.cache);
  return url;
}
