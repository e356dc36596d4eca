/** A workspace that serves two files on a published port, for the figures of ports. */
import type { BenchContext } from "./context.ts";
import { type BenchWorkspace, withWorkspace } from "./workspaces.ts";

export const DOWNLOAD_BYTES = 100 * 1_048_576;
export const SMALL_BYTES = 1_024;
const PORT = 8_000;

/** Requests a path so often, on a connection of its own each, and prints the seconds that took. */
const CLIENT = `
import sys, time, urllib.request
began = time.monotonic()
for _ in range(int(sys.argv[2])):
    with urllib.request.urlopen(sys.argv[1]) as answer:
        while answer.read(1 << 20):
            pass
print(time.monotonic() - began)
`;

export interface Served extends BenchWorkspace {
  /** Address on this machine */
  readonly url: string;
}

/** Makes the workspace, hands it over, and deletes it. */
export function withServer<T>(context: BenchContext, use: (served: Served) => Promise<T>): Promise<T> {
  const policy = { network_policy: "egress+published-ports" } as const;
  return withWorkspace(
    context,
    undefined,
    async ({ pyro, workspace_id }) => {
      const script = `head -c ${DOWNLOAD_BYTES} /dev/zero >big; head -c ${SMALL_BYTES} /dev/zero >small`;
      await pyro.execWorkspace({ workspace_id, command: ["sh", "-c", script], timeout_seconds: 120 });
      const command = ["python3", "-m", "http.server", String(PORT)];
      const { published_ports } = await pyro.startService({
        workspace_id,
        service_name: "web",
        command,
        ready_tcp: PORT,
        publish: [String(PORT)],
      });
      const [port] = published_ports;
      return use({ pyro, workspace_id, url: `http://${port?.host}:${port?.host_port}` });
    },
    policy,
  );
}

/** Seconds that so many requests take from within the guest. */
export async function inGuest(
  { pyro, workspace_id }: BenchWorkspace,
  path: string,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  const command = ["python3", "-c", CLIENT, `http://127.0.0.1:${PORT}${path}`, String(count)];
  const { stdout, exit_code } = await pyro.execWorkspace({ workspace_id, command, timeout_seconds: 300 }, { signal });
  if (exit_code !== 0) throw new Error(`the client in the guest ended with ${exit_code}`);
  return Number(stdout);
}
