/** Rows of the error table: the way of guests to the public network. */
import type { ErrorRow } from "./error-row.ts";

export const networkErrors = {
  egress_unproved: {
    kind: "guest",
    meaning: "A guest did not get through its gate where it should have, or got through where it should not have",
    hint: "PYRO_DEBUG=1 pyro doctor",
  },
} as const satisfies Record<string, ErrorRow>;
