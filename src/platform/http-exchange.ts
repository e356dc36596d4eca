/** One HTTP/1.1 exchange over a connection that is open already, and what is put around such a connection: TLS, and the way through a proxy. */
import { existsSync, readFileSync } from "node:fs";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { rootCertificates, connect as tlsConnect } from "node:tls";

/** Largest head of an answer, in bytes. */
const MAX_HEAD_BYTES = 32_768;
/** Where Linux distributions keep the certificates that this machine trusts. */
const bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

export interface ExchangeRequest {
  readonly method: string;
  /** As it stands in the request line */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal;
  /** Longest silence, in milliseconds */
  readonly silence_ms: number;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Names in small letters; several of one name are joined */
  readonly headers: Readonly<Record<string, string>>;
  /** Fails where the connection ends before the body does; destroying it ends the connection */
  readonly body: Readable;
}

/** Sends a request and gives the head of the answer; the connection ends with the answer. */
export function exchange(socket: Socket, request: ExchangeRequest): Promise<ExchangeAnswer> {
  return new Promise((resolve, reject) => {
    const sent = start(socket, request);
    watch(socket, request);
    sent.once("error", (error) => {
      socket.destroy();
      reject(request.signal.aborted ? request.signal.reason : error);
    });
    sent.once("response", (message) => {
      message.once("close", () => socket.destroy());
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), body: message });
    });
    sendBody(sent, request.body);
  });
}

function start(socket: Socket, { method, target, headers }: ExchangeRequest): ClientRequest {
  return httpRequest({
    method,
    path: target,
    headers: { ...headers, connection: "close" },
    setHost: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    createConnection: () => socket,
  });
}

/** Ends the connection when nothing moves on it, or the caller gives up. */
function watch(socket: Socket, { signal, silence_ms }: ExchangeRequest): void {
  const end = () => socket.destroy(new Error("cancelled"));
  socket.setTimeout(silence_ms, () => socket.destroy(new Error(`nothing came for ${silence_ms / 1000} s`)));
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", end));
}

/** A server that answers before it has read all of a body is heard all the same. */
function sendBody(sent: ClientRequest, body: AsyncIterable<Uint8Array> | undefined): void {
  if (body === undefined) sent.end();
  else pipeline(Readable.from(body, { objectMode: false }), sent).catch((error) => sent.destroy(error));
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")] as const);
  return Object.fromEntries(entries);
}

export interface TlsOptions {
  /** Certificate that is trusted beside this machine's */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
  readonly silence_ms: number;
}

/** TLS over a connection; fails where the certificate is not that of `host`. */
export function secured(socket: Socket, host: string, options: TlsOptions): Promise<Socket> {
  const { ca, signal, silence_ms } = options;
  const tls = tlsConnect({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ca: [...trusted(), ...(ca === undefined ? [] : [ca])],
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
  });
  return ready(tls, "secureConnect", { signal, silence_ms });
}

let known: readonly string[] | undefined;

/** The certificates that this machine trusts, and those that Node brings along. */
function trusted(): readonly string[] {
  known ??= [...rootCertificates, ...read(bundles.find((path) => existsSync(path)))];
  return known;
}

function read(bundle: string | undefined): readonly string[] {
  try {
    return bundle === undefined ? [] : [readFileSync(bundle, "utf8")];
  } catch {
    return [];
  }
}

/** Waits for the one event that says that a connection can be used; all else ends it. */
function ready(socket: Socket, event: string, { signal, silence_ms }: TlsOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown) => {
      forget();
      socket.on("error", () => {});
      socket.destroy();
      reject(thrown);
    };
    const cancel = () => fail(signal.reason);
    const end = () => fail(new Error("the connection was closed"));
    const forget = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      socket.off("error", fail).off("close", end);
    };
    const timer = setTimeout(() => fail(new Error(`nothing came for ${silence_ms / 1000} s`)), silence_ms);
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("error", fail).once("close", end);
    socket.once(event, () => {
      forget();
      resolve(socket);
    });
  });
}

/** Has a proxy connect to `authority`, a host with a port; afterwards the connection is to that. */
export function tunnelled(
  socket: Socket,
  authority: string,
  headers: Readonly<Record<string, string>>,
  options: TlsOptions,
): Promise<Socket> {
  const { signal, silence_ms } = options;
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      socket.destroy();
      reject(signal.aborted ? signal.reason : new Error(reason));
    };
    const request: ExchangeRequest = { method: "CONNECT", target: authority, headers, signal, silence_ms };
    const sent = start(socket, request);
    watch(socket, request);
    sent.once("error", (error) => fail(error.message));
    sent.once("response", (message) => fail(`the proxy answered ${message.statusCode}`));
    sent.once("connect", (message, _, head) => {
      if (message.statusCode !== 200) return fail(`the proxy answered ${message.statusCode}`);
      if (head.length > 0) return fail("the proxy spoke for the other end");
      socket.setTimeout(0);
      resolve(socket);
    });
    sent.end();
  });
}
