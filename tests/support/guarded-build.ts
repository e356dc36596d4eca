/** Runs a guarded build that lasts, in a process that a test kills: `guarded-build [SCRATCH_DIRECTORY]`. */
import { runGuarded } from "../../src/environments/guard.ts";

const scratch = process.argv[2];

await runGuarded({
  script: "build() { mkdir -p deep/er; echo x > deep/er/file; echo up >&2; setsid sleep 7412 & sleep 7412\n}",
  args: [],
  scratch_mib: 16,
  scratch_directory: scratch === "" ? undefined : scratch,
  onLine: (line) => console.log(line),
});
