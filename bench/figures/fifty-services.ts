/** How long fifty services of one workspace take to start, one after the other asked for at once. */
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";
import { withWorkspace } from "../workspaces.ts";

const SERVICES = 50;

export const fiftyServices: Figure = {
  name: "fifty-services",
  title: "start of 50 services in one workspace",
  unit: "ms",
  measure: async (context) => ({
    values: await repeat(context.runs, context.signal, () =>
      withWorkspace(context, undefined, async ({ pyro, workspace_id }) => {
        const names = Array.from({ length: SERVICES }, (_, at) => `service-${at}`);
        const start = (service_name: string) =>
          pyro.startService({ workspace_id, service_name, command: ["sleep", "3600"] });
        const took = await elapsedMs(() => Promise.all(names.map(start)));
        const { running_service_count } = await pyro.statusWorkspace({ workspace_id });
        if (running_service_count !== SERVICES) throw new Error(`${running_service_count} services run`);
        return took;
      }),
    ),
  }),
};
