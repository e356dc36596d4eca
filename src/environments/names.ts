/** Names of environments: those of the catalog, which always win, and references of images. */
import { PyroError } from "../contract/errors.ts";
import { type CatalogEntry, catalog, nearestNames } from "./catalog.ts";
import { DOCKER_HUB, type ImageReference, parseReference, referenceName } from "./registry/reference.ts";

/** An environment by name; the name is the same for every way of writing one image. */
export type NamedEnvironment =
  | { readonly kind: "catalog"; readonly name: string; readonly entry: CatalogEntry }
  | { readonly kind: "image"; readonly name: string; readonly reference: ImageReference };

/** What a caller's word stands for. Throws `environment_not_found` or `image_reference_invalid`. */
export function environmentNamed(text: string): NamedEnvironment {
  const entry = catalog.find((candidate) => candidate.name === text);
  if (entry !== undefined) return { kind: "catalog", name: entry.name, entry };
  try {
    const reference = parseReference(text);
    return { kind: "image", name: familiarName(reference), reference };
  } catch (thrown) {
    const near = nearTo(text);
    if (!(thrown instanceof PyroError) || near.length === 0) throw thrown;
    throw new PyroError("environment_not_found", `no environment is named "${text}"${suggestion(near)}`, {
      details: { name: text, nearest: near, known: catalog.map((candidate) => candidate.name) },
      cause: thrown,
    });
  }
}

/** The name without what Docker leaves out, unless the catalog has that name: `python:3.12-slim`, `docker.io/library/debian:12`. */
export function familiarName(reference: ImageReference): string {
  const full = referenceName(reference);
  const short = full.replace(new RegExp(`^${DOCKER_HUB}/(?:library/(?=[^/]+$))?`), "");
  const isAnothers = catalog.some((entry) => entry.name === short);
  return isAnothers || !isSame(short, full) ? full : short;
}

function isSame(short: string, full: string): boolean {
  try {
    return referenceName(parseReference(short)) === full;
  } catch {
    return false;
  }
}

/** Names of the catalog that may have been meant; none where the name is plainly that of an image. */
export function nearTo(name: string): string[] {
  return /[/@]/.test(name) ? [] : nearestNames(name);
}

/** The failure to get an image whose name is a typing error away from the catalog's says so. */
export function withSuggestion(thrown: unknown, name: string): unknown {
  const near = nearTo(name);
  if (!(thrown instanceof PyroError) || thrown.code === "cancelled" || near.length === 0) return thrown;
  return new PyroError(thrown.code, `${thrown.message}${suggestion(near)}`, {
    hint: `pyro env pull ${near[0]}`,
    details: { ...thrown.details, nearest: near },
    cause: thrown,
  });
}

function suggestion(near: readonly string[]): string {
  return near.length > 0 ? `; did you mean ${near.map((name) => `"${name}"`).join(" or ")}?` : "";
}
