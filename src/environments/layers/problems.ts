/** Errors of layers, each with the layer and the entry that it is about. */
import { type ErrorCode, PyroError } from "../../contract/errors.ts";
import { decodePath, showPath } from "../../contract/path-bytes.ts";

/** Longest part of a name that a message shows, in characters. */
const SHOWN = 200;

/** What a layer is called in messages: its digest, cut short. */
export function shortDigest(digest: string): string {
  return digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]*$/, "$1");
}

/** A name as a layer has it, each byte a character, made fit for a message. */
export function showName(name: string): string {
  const text = decodePath(Buffer.from(name, "latin1"));
  return showPath(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** What is wrong with a layer, before it is known which layer that is. */
export class LayerProblem extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, problem: string, details: Readonly<Record<string, unknown>> = {}) {
    super(problem);
    this.code = code;
    this.details = details;
  }

  /** The error that names the layer. */
  of(digest: string): PyroError {
    const message = `layer ${shortDigest(digest)} ${this.message}`;
    return new PyroError(this.code, message, { details: { layer: digest, ...this.details } });
  }
}

/** A `layer_invalid` at a byte of the uncompressed layer. */
export function invalid(problem: string, offset: number): LayerProblem {
  return new LayerProblem("layer_invalid", `${problem} at byte ${offset}`, { offset });
}

/** A problem with one entry. */
export function badEntry(code: ErrorCode, problem: string, name: string): LayerProblem {
  const entry = decodePath(Buffer.from(name, "latin1")).slice(0, SHOWN);
  return new LayerProblem(code, `has the entry ${showName(name)}, ${problem}`, { entry });
}

/** A limit that was passed. */
export function tooLarge(problem: string, limit: number): LayerProblem {
  return new LayerProblem("image_too_large", problem, { limit });
}

/** Runs `action`, and names the layer in what it throws. */
export async function inLayer<T>(digest: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    throw thrown instanceof LayerProblem ? thrown.of(digest) : thrown;
  }
}
