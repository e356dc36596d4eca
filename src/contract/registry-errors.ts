/** Rows of the error table: image references, registries, and what they answer. */
import type { ErrorRow } from "./error-row.ts";

export const registryErrors = {
  image_reference_invalid: {
    kind: "usage",
    meaning: "The text is no image reference",
    hint: "Write it as docker pull takes it: python:3.12-slim, ghcr.io/org/name:tag, or name@sha256:…",
  },
  image_not_found: {
    kind: "missing",
    meaning: "The registry has no image of that name, tag or digest",
    hint: "Check the name and the tag",
  },
  image_unsupported: {
    kind: "conflict",
    meaning: "The image is of a kind that pyro does not run: another architecture, an old format, or beyond a limit",
    hint: "Use an image for linux/amd64 in the OCI or Docker format",
  },
  registry_unauthorized: {
    kind: "host",
    meaning: "The registry does not let this user read or write there",
    hint: "docker login",
  },
  registry_limited: {
    kind: "host",
    meaning: "The registry has answered too many requests from here",
    hint: "Log in with docker login, which raises the limit, or wait",
  },
  registry_unreachable: {
    kind: "host",
    meaning: "The registry could not be reached, or failed again and again",
    hint: "Check the network and proxy settings, then run the same command again: a download goes on where it stopped",
  },
  registry_refused: {
    kind: "host",
    meaning: "The registry refused the request",
    hint: "Check the name, and what the registry permits",
  },
  registry_lied: {
    kind: "host",
    meaning: "The registry sent something else than what it promised: another digest, size, type or place",
    hint: "Run the same command again; if it fails again, do not use this registry",
  },
  config_invalid: {
    kind: "usage",
    meaning: "The configuration file says something that pyro does not know",
    hint: "Correct the file, or remove it",
  },
} as const satisfies Record<string, ErrorRow>;
