/** Names of images as Docker takes them: registry, repository, tag and digest, with its defaults. */
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";

/** An image by name; at least one of tag and digest is there. */
export interface ImageReference {
  /** Host, with its port where one is given; Docker Hub is `docker.io` */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export const DOCKER_HUB = "docker.io";
/** Longest repository and tag, in characters (docs/design/limits.md). */
const MAX_REPOSITORY = 255;
const MAX_TEXT = 1024;
const SHOWN = 120;

const DOMAIN_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const REGISTRY = new RegExp(`^(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const PATH_PART = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const IMAGE_ID = /^[0-9a-f]{64}$/;

/** Reads a reference; `image_reference_invalid` names the part that is wrong. */
export function parseReference(text: string): ImageReference {
  const refuse = (part: string, reason: string) => invalid(text, part, reason);
  if (text.length > MAX_TEXT) throw refuse("reference", `it has more than ${MAX_TEXT} characters`);
  if (/[^\x21-\x7e]/.test(text)) throw refuse("reference", "it has characters that no reference has");
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw refuse("reference", `it is an address; leave "${scheme}" out`);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest))
    throw refuse("digest", "a digest is sha256: and 64 hexadecimal digits in small letters");
  const named = at < 0 ? text : text.slice(0, at);
  const { name, tag } = splitTag(named);
  if (tag !== undefined && !TAG.test(tag))
    throw refuse("tag", "a tag has up to 128 letters, digits, _, . and -, and begins with none of the last two");
  const { registry, path } = splitRegistry(name);
  if (!REGISTRY.test(registry) || !hasPort(registry)) throw refuse("registry", "it is no host with or without a port");
  const repository = registry === DOCKER_HUB && path !== "" && !path.includes("/") ? `library/${path}` : path;
  checkRepository(repository, name, refuse);
  const wanted = tag ?? (digest === undefined ? "latest" : undefined);
  return { registry, repository, ...(wanted && { tag: wanted }), ...(digest && { digest }) };
}

/** The full name, with all that Docker leaves out: `docker.io/library/python:3.12-slim`. */
export function referenceName({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
}

type Refuse = (part: string, reason: string) => PyroError;

function checkRepository(repository: string, name: string, refuse: Refuse): void {
  if (IMAGE_ID.test(name)) throw refuse("repository", "64 hexadecimal digits are the id of an image, not a name");
  if (repository === "") throw refuse("repository", "it is empty");
  if (repository.length > MAX_REPOSITORY) throw refuse("repository", `it has more than ${MAX_REPOSITORY} characters`);
  const wrong = repository.split("/").find((part) => !PATH_PART.test(part));
  if (wrong === undefined) return;
  if (/[A-Z]/.test(wrong)) throw refuse("repository", `"${shown(wrong)}" has capital letters`);
  throw refuse("repository", `"${shown(wrong)}" is not small letters and digits, separated by ., _, __ or -`);
}

/** A colon behind the last slash begins a tag; before it, a port. */
function splitTag(named: string): { readonly name: string; readonly tag?: string } {
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  return colon < 0 ? { name: named } : { name: named.slice(0, colon), tag: named.slice(colon + 1) };
}

/** What stands before the first slash is a registry where it looks like a host. */
function splitRegistry(name: string): { readonly registry: string; readonly path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const is_host = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (slash < 0 || !is_host) return { registry: DOCKER_HUB, path: name };
  const registry = first === "index.docker.io" ? DOCKER_HUB : first;
  return { registry, path: name.slice(slash + 1) };
}

function hasPort(registry: string): boolean {
  const port = /:([0-9]+)$/.exec(registry.replace(/^\[.*\]/, ""))?.[1];
  return port === undefined || (Number(port) > 0 && Number(port) < 65_536);
}

function invalid(text: string, part: string, reason: string): PyroError {
  const reference = shown(text);
  return new PyroError("image_reference_invalid", `the ${part} of "${reference}" is not valid: ${reason}`, {
    details: { reference, part },
  });
}

function shown(text: string): string {
  const clean = cleanText(text.slice(0, SHOWN)).replace(/\s/g, " ");
  return text.length > SHOWN ? `${clean}…` : clean;
}
