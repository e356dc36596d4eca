/** What a guest calls the other end of a connection: a name, or an address in whatever spelling; all else is none of both. */
import { type IpAddress, isNumericHost, readAddress, readInetAton, showAddress } from "./ip-address.ts";

/** Longest name, and longest label of it, in bytes (docs/design/limits.md). */
const MAX_NAME_BYTES = 253;
const MAX_LABEL_BYTES = 63;

export type Host =
  | { readonly kind: "name"; readonly name: string; readonly has_underscore: boolean }
  | { readonly kind: "address"; readonly name: string; readonly address: IpAddress };

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/** Reads a host as it came from a guest; undefined where it is nothing that may be looked up. */
export function readHost(text: string): Host | undefined {
  if (text.length > MAX_NAME_BYTES + 1) return undefined;
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  if (bare !== undefined || text.includes(":")) {
    const address = text.includes(":") ? readAddress(bare ?? text) : undefined;
    return address && { kind: "address", name: showAddress(address), address };
  }
  // Before letters are made small: there are letters outside of ASCII whose small forms are in it.
  if (!/^[A-Za-z0-9._-]+$/.test(text)) return undefined;
  const name = text.toLowerCase().replace(/\.$/, "");
  if (name.length > MAX_NAME_BYTES) return undefined;
  if (isNumericHost(name)) {
    const address = readInetAton(name);
    return address && { kind: "address", name: showAddress(address), address };
  }
  const labels = name.split(".");
  if (!labels.every((label) => label.length <= MAX_LABEL_BYTES && LABEL.test(label))) return undefined;
  return { kind: "name", name, has_underscore: name.includes("_") };
}

/** A host that cannot be read, as it may be shown: printable ASCII, shortened. */
export function showHost(text: string): string {
  const shown = text.replace(
    /[^\x21-\x7e]/g,
    (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`,
  );
  return shown.length > MAX_NAME_BYTES ? `${shown.slice(0, MAX_NAME_BYTES - 1)}…` : shown;
}
