/** Rows of the error table: secrets. Their messages never quote a value, nor what may be one. */
import type { ErrorRow } from "./error-row.ts";

export const secretErrors = {
  secret_invalid: {
    kind: "usage",
    meaning: "A secret's name or value cannot be used",
    hint: "Give --secret NAME with the variable NAME exported, --secret-file NAME=PATH or --secret NAME=VALUE",
  },
  secret_not_found: {
    kind: "missing",
    meaning: "The workspace was created without a secret of that name",
    hint: "pyro workspace status",
  },
  secrets_unreadable: {
    kind: "host",
    meaning: "The sealed secrets of a workspace, or the key to them, are missing, damaged or open to others",
    hint: "Restore them from a backup, or save the files with pyro workspace disk export and create it anew",
  },
} as const satisfies Record<string, ErrorRow>;
