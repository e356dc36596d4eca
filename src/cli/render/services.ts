/** What people see of services. */
import type { z } from "zod";
import { cleanText } from "../../contract/text.ts";
import type { operations } from "../../operations/index.ts";
import { ago, table } from "./values.ts";

type Output<Name extends keyof typeof operations> = z.infer<(typeof operations)[Name]["output"]>;
type Service = Output<"statusService">;

const COMMAND_CHARS = 60;

/** One line on a service that was just started or stopped, and where to reach it. */
export function serviceLine(service: Service): string {
  const { name, state, stop_reason, published_ports } = service;
  const why = stop_reason === null ? "" : `: ${cleanText(stop_reason)}`;
  const where = published_ports.map((port) => `http://${address(port)} leads to its port ${port.guest_port}\n`);
  return `service ${name} is ${state}${why}\n${where.join("")}`;
}

/** A table, oldest start first. */
export function serviceTable({ services }: Output<"listServices">): string {
  if (services.length === 0) return "No service was started since the last reset\n";
  const rows = services.map((each) => [
    each.name,
    each.exit_code === null ? each.state : `${each.state} ${each.exit_code}`,
    ago(each.started_at),
    each.published_ports.map((port) => `${address(port)}->${port.guest_port}`).join(" ") || "-",
    cleanText(each.command.join(" ")).replaceAll("\n", " ").slice(0, COMMAND_CHARS),
  ]);
  return table(["NAME", "STATE", "STARTED", "PORTS", "COMMAND"], rows);
}

function address({ host, host_port }: Service["published_ports"][number]): string {
  return `${host}:${host_port}`;
}
