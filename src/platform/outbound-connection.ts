/** TCP connections from this machine to an address; a name never gets here. */
import { connect, isIP, type Socket } from "node:net";

/** A connection, and the address of its other end as the kernel has it. */
export interface OutboundConnection {
  readonly socket: Socket;
  readonly peer: string;
}

/** Connects to an address; what is cancelled leaves no socket. */
export function connectToAddress(address: string, port: number, signal: AbortSignal): Promise<OutboundConnection> {
  return new Promise((resolve, reject) => {
    if (isIP(address) === 0) return reject(new Error(`"${address}" is no address`));
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
    const fail = (thrown: unknown) => {
      signal.removeEventListener("abort", cancel);
      socket.destroy();
      reject(thrown);
    };
    const cancel = () => fail(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      signal.removeEventListener("abort", cancel);
      socket.off("error", fail);
      resolve({ socket, peer: socket.remoteAddress ?? "" });
    });
  });
}
