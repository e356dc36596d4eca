/** `make publish-environments REGISTRY=…`: builds the catalog from the Debian archive and pushes it as images. */
import { toPyroError } from "../src/contract/errors.ts";
import { cleanText } from "../src/contract/text.ts";
import { publishEnvironments } from "../src/environments/publishing.ts";
import { onInterruption } from "../src/platform/signals.ts";
import { statePaths } from "../src/store/paths.ts";
import { version } from "../src/version.ts";

const [registry = "", ...names] = process.argv.slice(2);
const { signal } = onInterruption();
const stages = new Set<string>();
try {
  const published = await publishEnvironments(registry.replace(/\/+$/, ""), {
    paths: statePaths(),
    env: process.env,
    pyro_version: version,
    ...(names.length > 0 && { names }),
    signal,
    emit: (event) => {
      if (!("message" in event) || stages.has(event.message)) return;
      stages.add(event.message);
      process.stderr.write(`${cleanText(event.message)}\n`);
    },
  });
  for (const { reference, digest, layers, sent } of published)
    process.stdout.write(`${reference}@${digest}: ${layers.length} layers, ${sent} blobs sent\n`);
} catch (thrown) {
  const error = toPyroError(thrown);
  process.stderr.write(`${error.code}: ${cleanText(error.message)}\nhint: ${error.hint}\n`);
  process.exitCode = 1;
}
