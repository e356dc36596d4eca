/** Rows of the error table: services and the ports that they publish. */
import type { ErrorRow } from "./error-row.ts";

export const serviceErrors = {
  service_exists: {
    kind: "conflict",
    meaning: "A service of that name runs in the workspace",
    hint: "Stop it first, or choose another name: pyro workspace service stop",
  },
  service_not_found: {
    kind: "missing",
    meaning: "The workspace has no service of that name",
    hint: "pyro workspace service list",
  },
  service_not_ready: {
    kind: "guest",
    meaning: "A service was not ready in time, and was stopped with everything that it started",
    hint: "Read the end of its logs, or raise --ready-timeout-seconds",
  },
  service_failed: {
    kind: "guest",
    meaning: "A service ended before it was ready",
    hint: "Read the end of its logs: pyro workspace service logs",
  },
  service_limit: {
    kind: "conflict",
    meaning: "The workspace has as many services or published ports as it can have",
    hint: "Stop one: pyro workspace service list",
  },
  port_taken: {
    kind: "conflict",
    meaning: "Something else listens on that port of this machine",
    hint: "Choose another port, or give the guest's port alone to have one chosen",
  },
  port_refused: {
    kind: "guest",
    meaning: "Nobody listens on that port in the workspace",
    hint: "pyro workspace service status",
  },
  ports_not_allowed: {
    kind: "conflict",
    meaning: "The workspace's network policy does not permit published ports",
    hint: "Create the workspace with --network-policy egress+published-ports",
  },
} as const satisfies Record<string, ErrorRow>;
