/** An archive of images as its readers need it: small files as bytes, documents as what they say. */
import type { ZodType } from "zod";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import { type ArchiveFiles, type FilePart, invalidArchive } from "./archive-files.ts";

const MAX_DOCUMENT_BYTES = 8 * 1_048_576;

/** What an archive says of one image, before its layers are opened. */
export interface FoundImage {
  /** What the archive calls it */
  readonly names: readonly string[];
  readonly digest: string;
  readonly config: Buffer;
  readonly config_digest: string;
  readonly blobs: readonly FoundBlob[];
}

export interface FoundBlob {
  readonly part: FilePart;
  /** Undefined where the archive names none */
  readonly digest: string | undefined;
}

/** The archive as its readers need it. */
export class OpenArchive {
  readonly path: string;
  readonly files: ArchiveFiles;

  constructor(path: string, files: ArchiveFiles) {
    this.path = path;
    this.files = files;
  }

  /** The bytes of a small file; undefined where there is none. */
  async read(path: string): Promise<Buffer | undefined> {
    const part = this.files.open(path);
    if (part === undefined) return undefined;
    if (part.size_bytes > MAX_DOCUMENT_BYTES)
      throw new PyroError(
        "image_too_large",
        `${showPath(path)} in ${showPath(this.path)} has ${part.size_bytes} bytes`,
        {
          details: { limit: MAX_DOCUMENT_BYTES },
        },
      );
    const chunks: Buffer[] = [];
    for await (const chunk of chunksOf(part.file, part.offset, part.size_bytes)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** A document of a known form; `what` is its name in messages. */
  parse<T>(bytes: Buffer, schema: ZodType<T>, what: string): T {
    const parsed = schema.safeParse(jsonOf(bytes));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw this.invalid(`has a ${what} that is none: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim());
  }

  invalid(problem: string): PyroError {
    return invalidArchive(this.path, problem);
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Refuses bytes that are not what their digest says. */
export function requireEqual(found: string, expected: string): void {
  if (found === expected) return;
  throw new PyroError("layer_mismatch", `the archive has ${found} under the name of ${expected}`, {
    details: { expected, found },
  });
}
