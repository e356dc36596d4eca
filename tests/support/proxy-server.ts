/** A web proxy on this machine: connects for CONNECT, passes on requests in full, and remembers both. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export class ProxyServer {
  /** What it was asked for: `CONNECT host:port`, or a method and an address */
  readonly asked: string[] = [];
  readonly logins: (string | undefined)[] = [];
  /** Port of this machine to which every name leads */
  readonly #port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Refuses to connect, with that status */
  refuses: number | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((request, response) => this.#pass(request, response));
    this.#server.on("connect", (request: IncomingMessage, socket: Socket) => this.#connect(request, socket));
  }

  static async start(port: number): Promise<ProxyServer> {
    const proxy = new ProxyServer(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect({ url = "", headers }: IncomingMessage, socket: Socket): void {
    this.asked.push(`CONNECT ${url}`);
    this.logins.push(headers["proxy-authorization"]);
    if (this.refuses !== undefined) {
      socket.end(`HTTP/1.1 ${this.refuses} No\r\n\r\n`);
      return;
    }
    const far = connect(this.#port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      far.pipe(socket).pipe(far);
    });
    for (const end of [far, socket]) {
      this.#sockets.add(end);
      end.on("error", () => socket.destroy());
    }
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = "", headers } = request;
    this.asked.push(`${method} ${url}`);
    this.logins.push(headers["proxy-authorization"]);
    const { pathname, search } = new URL(url);
    const target = { host: "127.0.0.1", port: this.#port, method, path: `${pathname}${search}`, headers };
    request.pipe(
      httpRequest(target, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }),
    );
  }
}
