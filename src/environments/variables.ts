/** Variables that the commands of an image start with: the image's own, over the least that programs need. */
import { PyroError } from "../contract/errors.ts";

/** What an image that says nothing of them has. */
const least = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
} as const;

/** Most bytes of all of them together; Linux gives a program not much more with its arguments (docs/design/limits.md). */
export const MAX_VARIABLE_BYTES = 131_072;

/** The variables of an image. They are data: what they say is heeded in the guest alone. Throws `image_unsupported` where no program could start with them. */
export function variablesOf(image: Readonly<Record<string, string>>): Record<string, string> {
  const usable = Object.entries(image).filter(([name, value]) => isName(name) && !value.includes("\0"));
  const variables = Object.fromEntries([...Object.entries(least), ...usable]);
  const bytes = Object.entries(variables).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(`${name}=${value}`),
    0,
  );
  if (bytes <= MAX_VARIABLE_BYTES) return variables;
  throw new PyroError(
    "image_unsupported",
    `the image's variables take ${bytes} bytes, and ${MAX_VARIABLE_BYTES} are the most that its programs could start with`,
    { details: { bytes, limit: MAX_VARIABLE_BYTES } },
  );
}

/** Whether a program can be started with a variable of that name. */
function isName(name: string): boolean {
  return name !== "" && !/[=\0]/.test(name);
}
