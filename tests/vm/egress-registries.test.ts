/** Package managers of a real guest at the registries that this host uses, through a gate that allows nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { type GatedHome, openGatedHome } from "../support/gated-home.ts";
import {
  aptRegistry,
  leadingTo,
  NODE_PACKAGE,
  npmRegistry,
  PYTHON_PACKAGE,
  pipRegistry,
  trusted,
} from "../support/registries.ts";

const [apt, npm, pip] = await Promise.all([aptRegistry(), npmRegistry(), pipRegistry()]);
const hosts = [...new Set([apt, npm, pip].flatMap((one) => (one.missing === undefined ? one.hosts : [])))];
for (const [name, { missing }] of Object.entries({ apt, npm, pip }))
  if (missing !== undefined) console.log(`${name} is skipped: ${missing}`);

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const MINUTES = 60_000;

describe.skipIf(hosts.length === 0)("a guest whose egress is narrowed to registries", () => {
  let home: GatedHome;
  let workspace_id = "";
  /** What a shell script prints that was denied nothing. */
  const run = async (script: string) => {
    const command = ["sh", "-euc", script];
    const ended = await home.pyro.execWorkspace({ workspace_id, command, timeout_seconds: 600 });
    expect(ended, ended.stderr).toMatchObject({ exit_code: 0 });
    expect(ended.outcome?.network_denied).toBeUndefined();
    return ended.stdout;
  };
  const write = async (path: string, text: string) => {
    await home.pyro.writeWorkspaceFile({ workspace_id, path: "given", text });
    await run(`mv given ${path}`);
  };

  beforeAll(async () => {
    home = await openGatedHome(
      "registries",
      leadingTo(() => hosts),
    );
    const policy = { network_policy: "egress", allow_egress: hosts } as const;
    ({ workspace_id } = await home.pyro.createWorkspace({ environment: ENVIRONMENT, vcpu_count: 2, ...policy }));
    const certificates = trusted();
    if (certificates !== undefined) await write(CERTIFICATES, certificates);
    if (apt.missing === undefined) await write("/etc/apt/sources.list", apt.sources);
  });

  afterAll(async () => {
    if (workspace_id !== "") await home.pyro.deleteWorkspace({ workspace_id });
    await home?.close();
  });

  it(
    "installs with apt-get",
    async ({ skip }) => {
      if (apt.missing !== undefined) return skip(apt.missing);
      await run("apt-get update -q && apt-get install -qy --no-install-recommends hello");
      expect(await run("hello --greeting=installed")).toBe("installed\n");
    },
    10 * MINUTES,
  );

  it("downloads with curl and pip", async ({ skip }) => {
    if (pip.missing !== undefined) return skip(pip.missing);
    expect(await run(`curl -fsS ${pip.url}${PYTHON_PACKAGE}/`)).toContain(`${PYTHON_PACKAGE}-`);
    const options = `--quiet --disable-pip-version-check --no-deps --index-url ${pip.url} --cert ${CERTIFICATES}`;
    expect(await run(`python3 -m pip download ${options} ${PYTHON_PACKAGE} && ls`)).toMatch(
      new RegExp(`^${PYTHON_PACKAGE}-.*\\.whl$`, "m"),
    );
  });

  it(
    "installs with npm, which comes from there itself",
    async ({ skip }) => {
      if (apt.missing !== undefined) return skip(`there is no Node.js: ${apt.missing}`);
      if (npm.missing !== undefined) return skip(npm.missing);
      await run("ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || apt-get update -q");
      await run("apt-get install -qy --no-install-recommends nodejs");
      await run(`mkdir -p /opt/npm && curl -fsS ${npm.npm} | tar -xz --strip-components=1 -C /opt/npm`);
      const options = `--registry ${npm.url} --no-audit --no-fund --no-update-notifier`;
      const install = `node /opt/npm/bin/npm-cli.js install ${options} ${NODE_PACKAGE}`;
      await run(`mkdir app && cd app && NODE_EXTRA_CA_CERTS=${CERTIFICATES} ${install}`);
      expect(await run(`cd app && node -p 'require("${NODE_PACKAGE}")(5)'`)).toBe("true\n");
    },
    10 * MINUTES,
  );

  it("went to these alone, and what it carried is counted", async () => {
    const { connections, denied_count, failed_count, bytes_down } = await home.pyro.networkInfoVm({ workspace_id });
    expect([denied_count, failed_count]).toEqual([0, 0]);
    expect(connections.length).toBeGreaterThan(0);
    for (const { host } of connections) expect(hosts).toContain(host);
    expect(bytes_down).toBeGreaterThan(10_000);
  });
});
