/** What people see of a workspace's network. */
import type { z } from "zod";
import { cleanText } from "../../contract/text.ts";
import type { operations } from "../../operations/index.ts";
import { ago, size, table } from "./values.ts";

type Network = z.infer<(typeof operations)["networkInfoVm"]["output"]>;

/** The policy, the connections as a table, and what would allow those that were denied. */
export function networkText(network: Network): string {
  const { network_policy, allow_egress, connections } = network;
  const rules = allow_egress.length === 0 ? "every public name" : allow_egress.join(" ");
  const head = network_policy === "off" ? "network off\n" : `${network_policy}: ${rules}\n`;
  const rows = connections.map((one) => [
    one.verdict,
    cleanText(placeOf(one)),
    one.rule,
    size(one.bytes_up),
    size(one.bytes_down),
    ago(one.began_at),
    one.ended_at === null ? "open" : "ended",
  ]);
  const shown = rows.length === 0 ? "" : table(["VERDICT", "TO", "RULE", "UP", "DOWN", "BEGAN", "STATE"], rows);
  const hints = new Set(
    connections.flatMap(({ verdict, hint }) => (verdict === "denied" && hint !== null ? [hint] : [])),
  );
  const totals = `${network.allowed_count} allowed, ${network.denied_count} denied, ${network.failed_count} failed; ${size(network.bytes_up)} up, ${size(network.bytes_down)} down\n`;
  return `${head}${shown}${[...hints].map((hint) => `hint: ${cleanText(hint)}\n`).join("")}${totals}`;
}

function placeOf({ host, port }: Network["connections"][number]): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === null ? `${shown} (lookup)` : `${shown}:${port}`;
}
