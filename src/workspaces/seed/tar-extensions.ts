/** What stands before a tar header and changes it: pax records and GNU's long names. */
import { PyroError } from "../../contract/errors.ts";
import { inconsistent, type TarHeader } from "./tar-header.ts";

const GNU_LONG_NAME = "L";
const GNU_LONG_LINK = "K";
const PAX = "x";
const PAX_GLOBAL = "g";
const COMMIT = /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/;

/** Most that one such record may hold: two paths, and attributes that are not read. */
export const MAX_EXTENSION_BYTES = 1_048_576;

/** Whether a header of that type describes the next one. */
export function isExtension(type: string): boolean {
  return [GNU_LONG_NAME, GNU_LONG_LINK, PAX, PAX_GLOBAL].includes(type);
}

/** Collects what precedes one header. */
export class TarExtensions {
  #path: Buffer | undefined;
  #link: Buffer | undefined;
  #size: number | undefined;
  #hasPax = false;
  #commit: string | null = null;

  /** The commit that `git archive` writes into its global header. */
  get commit(): string | null {
    return this.#commit;
  }

  /** Something was said of a header that has not come yet. */
  get isPending(): boolean {
    return this.#hasPax || this.#path !== undefined || this.#link !== undefined;
  }

  /** Takes the content of an extension whose header begins at `offset`. */
  take(type: string, content: Buffer, offset: number): void {
    if (type === PAX_GLOBAL) this.#takeGlobal(content, offset);
    else if (type === PAX) this.#takePax(content, offset);
    else if (type === GNU_LONG_NAME) this.#path = once(this.#path, longName(content, offset), offset);
    else this.#link = once(this.#link, longName(content, offset), offset);
  }

  /** The next header with all that was said of it. */
  apply(header: TarHeader, offset: number): TarHeader {
    // Where the two sizes differ, readers differ on where the next header is.
    if (this.#size !== undefined && this.#size !== header.size)
      throw inconsistent(offset, `gives two sizes for one entry, ${header.size} and ${this.#size},`);
    const applied = { ...header, name: this.#path ?? header.name, link_name: this.#link ?? header.link_name };
    if (applied.name.includes(0) || applied.link_name.includes(0))
      throw inconsistent(offset, "has a name with a NUL byte");
    this.#path = undefined;
    this.#link = undefined;
    this.#size = undefined;
    this.#hasPax = false;
    return applied;
  }

  #takeGlobal(content: Buffer, offset: number): void {
    for (const [key, value] of paxRecords(content, offset)) {
      if (["path", "linkpath", "size"].includes(key) || key.startsWith("GNU.sparse."))
        throw inconsistent(offset, `gives all entries one "${key}"`);
      const comment = value.toString("latin1");
      if (key === "comment" && COMMIT.test(comment)) this.#commit = comment;
    }
  }

  #takePax(content: Buffer, offset: number): void {
    if (this.#hasPax) throw inconsistent(offset, "describes one entry twice");
    this.#hasPax = true;
    const records = paxRecords(content, offset);
    if ([...records.keys()].some((key) => key.startsWith("GNU.sparse.")))
      throw new PyroError("unsupported_type", `the archive has a sparse file at byte ${offset}`, {
        hint: "Make the archive without --sparse",
      });
    const [path, link, size] = [records.get("path"), records.get("linkpath"), records.get("size")];
    if (path !== undefined) this.#path = once(this.#path, path, offset);
    if (link !== undefined) this.#link = once(this.#link, link, offset);
    if (size !== undefined) this.#size = decimal(size, offset);
  }
}

function once(before: Buffer | undefined, name: Buffer, offset: number): Buffer {
  if (before !== undefined) throw inconsistent(offset, "names one entry twice");
  if (name.length === 0) throw inconsistent(offset, "has an empty name");
  return name;
}

/** A name with a NUL behind it, and nothing behind that but more of them. */
function longName(content: Buffer, offset: number): Buffer {
  const end = content.indexOf(0);
  if (end < 0 || content.subarray(end).some((byte) => byte !== 0)) throw inconsistent(offset, "has a broken long name");
  return content.subarray(0, end);
}

/** Records of the form `LENGTH KEY=VALUE\n`, the length counting itself. */
function paxRecords(content: Buffer, offset: number): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const digits = space < 0 ? "" : content.subarray(at, space).toString("latin1");
    const end = at + (/^[1-9][0-9]{0,6}$/.test(digits) ? Number(digits) : 0);
    const equals = content.indexOf(0x3d, space);
    const isWhole = equals > space + 1 && equals < end && end <= content.length && content[end - 1] === 0x0a;
    if (end <= space || !isWhole) throw inconsistent(offset, "has a broken pax record");
    const key = content.subarray(space + 1, equals).toString("utf8");
    if (records.has(key)) throw inconsistent(offset, `has two pax records "${key}"`);
    records.set(key, content.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function decimal(value: Buffer, offset: number): number {
  const text = value.toString("latin1");
  if (!/^[0-9]{1,19}$/.test(text)) throw inconsistent(offset, "has a broken pax size");
  return Number(text);
}
