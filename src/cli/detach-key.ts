/** The key with which a person leaves a shell that they are attached to. */
import { PyroError } from "../contract/errors.ts";

/** Used where nothing else is asked for. */
export const DETACH_KEY = "ctrl-]";

const CONTROL = 0x1f;

/** The byte that a terminal sends for a key such as `ctrl-]`. Throws `invalid_input`. */
export function detachByte(key: string): number {
  const letter = /^ctrl-([a-z[\]\\^_@])$/i.exec(key)?.[1];
  if (letter === undefined)
    throw new PyroError("invalid_input", `"${key}" is no key to detach with`, {
      hint: `Use one such as ${DETACH_KEY}`,
    });
  return letter.toUpperCase().charCodeAt(0) & CONTROL;
}

/** What was typed before the key, and whether it was pressed. */
export function upTo(typed: Buffer, key: number): { readonly before: Buffer; readonly isPressed: boolean } {
  const at = typed.indexOf(key);
  return at < 0 ? { before: typed, isPressed: false } : { before: typed.subarray(0, at), isPressed: true };
}
