/** One call over TLS on a connection that somebody else has made: the peer's certificate must be the host's, and nothing is followed, cached or kept open. */
import { existsSync, readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { connect, rootCertificates, type TLSSocket } from "node:tls";

const MAX_HEADER_BYTES = 32_768;
/** Where Linux distributions keep the certificates that this machine trusts. */
const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

export interface HttpsCall {
  /** The connection, which ends with the call */
  readonly socket: Duplex;
  /** Name or address that the certificate must be for */
  readonly host: string;
  readonly is_address: boolean;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates that are trusted in place of this machine's */
  readonly ca?: string | undefined;
  /** Time without a byte after which it is given up, in milliseconds */
  readonly idle_ms: number;
  readonly signal: AbortSignal;
}

export interface HttpsAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** To be read to its end, or left, which closes the connection */
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** Makes the call; rejects with node's own errors. */
export async function callHttps(call: HttpsCall): Promise<HttpsAnswer> {
  const secure = connect({
    socket: call.socket,
    host: call.host,
    ca: call.ca === undefined ? trusted() : [call.ca],
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    ...(call.is_address ? {} : { servername: call.host }),
  });
  const cancel = () => void secure.destroy(new Error("cancelled"));
  call.signal.addEventListener("abort", cancel, { once: true });
  secure.once("close", () => {
    call.signal.removeEventListener("abort", cancel);
    call.socket.destroy();
  });
  secure.on("error", () => {});
  secure.setTimeout(call.idle_ms, () => secure.destroy(new Error(`no byte within ${call.idle_ms / 1000} s`)));
  if (call.signal.aborted) cancel();
  try {
    await secured(secure);
    return answerOf(await answered(secure, call), secure);
  } catch (thrown) {
    secure.destroy();
    throw thrown;
  }
}

function secured(secure: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    secure.once("secureConnect", resolve);
    secure.once("error", reject);
    secure.once("close", () => reject(new Error("the connection was closed before it was secure")));
  });
}

function answered(secure: TLSSocket, { method, path, headers, body }: HttpsCall): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { method, path, headers, setHost: false, maxHeaderSize: MAX_HEADER_BYTES };
    const outgoing = request({ ...options, createConnection: () => secure }, resolve);
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

function answerOf(message: IncomingMessage, secure: TLSSocket): HttpsAnswer {
  const header = (name: string) => {
    const value = message.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const close = () => void secure.destroy();
  return { status: message.statusCode ?? 0, header, body: bodyOf(message, secure), close };
}

async function* bodyOf(message: IncomingMessage, secure: TLSSocket): AsyncGenerator<Uint8Array> {
  let failure: Error | undefined;
  secure.once("error", (error) => {
    failure = error;
  });
  try {
    for await (const chunk of message) yield chunk as Uint8Array;
  } catch (thrown) {
    // What broke the connection says more than that it broke.
    throw failure ?? thrown;
  } finally {
    secure.destroy();
  }
}

let known: readonly string[] | undefined;

/** The certificates that this machine trusts; Node's own where it has none. */
function trusted(): string[] {
  known ??= read(bundles.find((path) => existsSync(path)));
  return [...known];
}

function read(bundle: string | undefined): readonly string[] {
  if (bundle === undefined) return rootCertificates;
  try {
    return [readFileSync(bundle, "utf8")];
  } catch {
    return rootCertificates;
  }
}
