/** Rows of the error table: the project that workspaces begin with, and repositories that are cloned for them. */
import type { ErrorRow } from "./error-row.ts";

export const projectErrors = {
  project_source_unusable: {
    kind: "conflict",
    meaning: "What new workspaces were to begin with cannot be used",
    hint: "Name what to begin with in seed_path, or start the server with --project-path PATH or --no-project-source",
  },
  repo_url_invalid: {
    kind: "usage",
    meaning: "The address of a repository is not one that pyro clones from",
    hint: "Give https://HOST/PATH; clone anything else yourself, and seed from that directory",
  },
  repo_ref_invalid: {
    kind: "usage",
    meaning: "What to check out of a repository is not the name of a branch, tag or ref, nor a commit",
    hint: "Give a branch, a tag, a full name such as refs/heads/main, or a whole commit",
  },
  repo_ref_not_found: {
    kind: "missing",
    meaning: "The repository has no branch, tag, ref or commit of that name",
    hint: "List what it has with: git ls-remote URL",
  },
  repo_ref_ambiguous: {
    kind: "usage",
    meaning: "A name stands for more than one ref of the repository",
    hint: "Give the full name",
  },
  repo_not_found: {
    kind: "missing",
    meaning: "The server has no such repository, or does not show it to this caller",
    hint: "Check the address; for a private repository put a token into it, as in https://x-access-token:TOKEN@HOST/PATH",
  },
  repo_address_forbidden: {
    kind: "usage",
    meaning: "A repository's host is on a private network, this machine, or not to be reached at all",
    hint: "If it is a server of yours, permit it with --allow-private-repo",
  },
  repo_unreachable: {
    kind: "host",
    meaning: "A repository's server cannot be reached, or does not answer in time",
    hint: "Try again later, or clone it yourself and seed from that directory",
  },
  repo_inconsistent: {
    kind: "conflict",
    meaning: "What a repository's server sent is not Git's protocol, or not a whole repository",
    hint: "Do not trust the server; clone it yourself and seed from that directory where you do",
  },
} as const satisfies Record<string, ErrorRow>;
