/** What a registry means by a status that is not the one asked for, as typed errors. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import { askedPause } from "./retries.ts";
import { type Answer, PassingFailure, readBody } from "./transport.ts";

/** What of an answer's own words is read and shown, in bytes and characters (docs/design/limits.md). */
const MAX_BODY_BYTES = 65_536;
const MAX_SHOWN = 300;

const errorBody = z.looseObject({
  errors: z.array(z.looseObject({ code: z.string().optional(), message: z.string().nullish() })).min(1),
});

const passing: readonly number[] = [408, 425, 500, 502, 503, 504];

/** The error for an answer that refuses `what`, such as `"docker.io/library/python:3.12"`. */
export async function refusal(answer: Answer, what: string, signal: AbortSignal): Promise<Error> {
  const { status, url } = answer;
  const said = wordsOf(await readBody(answer, MAX_BODY_BYTES, signal).catch(() => undefined));
  const details = { host: url.host, status };
  if (status === 401 || status === 403) return unauthorized(what, url.host, said);
  if (status === 404)
    return new PyroError("image_not_found", `"${url.host}" has no ${what}${said}`, { details: { ...details, what } });
  const wait_ms = askedPause(answer.headers["retry-after"], Date.now());
  if (status === 429)
    return new PassingFailure(
      new PyroError("registry_limited", `"${url.host}" was asked too often${said}`, {
        hint: `${`docker login ${loginHost(url.host)}`.trim()}, which raises the limit, or wait`,
        details,
      }),
      wait_ms,
    );
  if (passing.includes(status))
    return new PassingFailure(
      new PyroError("registry_unreachable", `"${url.host}" failed with ${status} again and again${said}`, { details }),
      wait_ms,
    );
  return new PyroError("registry_refused", `"${url.host}" answered ${status} when asked for ${what}${said}`, {
    details,
  });
}

/** Where there are no credentials, or not the right ones. */
export function unauthorized(what: string, host: string, said = ""): PyroError {
  const login = loginHost(host);
  return new PyroError("registry_unauthorized", `"${host}" has no ${what}, or does not let you have it${said}`, {
    hint: `Check the name; where it is right, docker login${login === "" ? "" : ` ${login}`}`,
    details: { host },
  });
}

/** Docker Hub is what `docker login` takes without a name. */
function loginHost(host: string): string {
  return /(^|\.)docker\.io$/.test(host) ? "" : host;
}

/** The registry's own words, cleaned and in one line; empty where there are none. */
function wordsOf(body: Buffer | undefined): string {
  if (body === undefined) return "";
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return "";
  }
  const parsed = errorBody.safeParse(value);
  const [first] = parsed.success ? parsed.data.errors : [];
  const text = cleanText((first?.message || first?.code) ?? "").replace(/\s+/g, " ");
  return text === "" ? "" : `: ${text.slice(0, MAX_SHOWN)}`;
}

/** A promise that was not kept. */
export function lied(host: string, what: string, claim: "digest" | "size" | "type" | "place"): PyroError {
  return new PyroError("registry_lied", `"${host}" ${cleanText(what)}`, { details: { host, claim } });
}
