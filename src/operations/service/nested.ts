/** Readiness and published ports of a service as programs and models give them, with parts; the command line has a flag for each. */
import { z } from "zod";
import type { NestedFields } from "../operation.ts";

const port = z.int().min(1).max(65_535);

/** The part that belongs to each type, and the flat field that it stands for. */
const parts = {
  file: { part: "path", flat: "ready_file" },
  tcp: { part: "port", flat: "ready_tcp" },
  http: { part: "url", flat: "ready_http" },
  command: { part: "command", flat: "ready_command" },
} as const;

const readiness = z
  .strictObject({
    type: z.enum(["file", "tcp", "http", "command"]),
    path: z.string().optional(),
    port: port.optional(),
    url: z.string().optional(),
    command: z.string().optional(),
  })
  .refine(({ type, ...given }) => Object.keys(given).join() === parts[type].part, {
    error: "needs path for file, port for tcp, url for http or command for command, and nothing else",
  });

const fields = z.object({
  readiness: readiness
    .optional()
    .describe(
      "When it is ready: a file exists (path), a port answers (port), an address on localhost answers (url), or a shell command ends with 0 (command)",
    ),
  published_ports: z
    .array(z.strictObject({ guest_port: port, host_port: z.int().min(1_024).max(65_535).optional() }))
    .optional()
    .describe("Ports to publish on 127.0.0.1 of this machine, each as {guest_port, host_port?}"),
});

/** What a service is started with, in both forms. */
export const serviceNested: NestedFields<typeof fields> = {
  fields,
  replaces: ["ready_file", "ready_tcp", "ready_http", "ready_command", "publish"],
  flatten(given) {
    const { readiness: _, published_ports: __, ...flat } = given;
    const parsed = fields.parse(given);
    return {
      ...flat,
      ...(parsed.readiness && flatReadiness(parsed.readiness)),
      ...(parsed.published_ports && { publish: parsed.published_ports.map(flatPort) }),
    };
  },
};

function flatReadiness(given: z.infer<typeof readiness>): Readonly<Record<string, unknown>> {
  const { part, flat } = parts[given.type];
  return { [flat]: given[part] };
}

function flatPort({ guest_port, host_port }: { guest_port: number; host_port?: number | undefined }): string {
  return host_port === undefined ? `${guest_port}` : `${host_port}:${guest_port}`;
}
