/** A server for the guest that does what the first line of a connection says: answers at the end, writes without end, stays silent, or speaks WebSocket. */

/** Python that serves the port which is its argument. */
export const portServer = `
import base64, hashlib, socket, sys, threading

def echo_frames(source, target):
    while True:
        head = source.read(2)
        if len(head) < 2:
            return
        length = head[1] & 127
        if length == 126:
            length = int.from_bytes(source.read(2), "big")
        mask = source.read(4)
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(source.read(length)))
        size = bytes([length]) if length < 126 else b"\\x7e" + length.to_bytes(2, "big")
        target.sendall(head[:1] + size + body)

def upgrade(source, target):
    for header in iter(source.readline, b"\\r\\n"):
        if header.lower().startswith(b"sec-websocket-key:"):
            key = header.split(b":", 1)[1].strip()
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    target.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + b"\\r\\n\\r\\n")
    echo_frames(source, target)

def serve(connection):
    source = connection.makefile("rb")
    line = source.readline()
    try:
        if line.startswith(b"GET "):
            upgrade(source, connection)
        elif line == b"reverse\\n":
            connection.sendall(source.read()[::-1])
        elif line == b"flood\\n":
            while True:
                connection.sendall(b"x" * 65536)
        elif line == b"break\\n":
            connection.sendall(b"begun\\n")
            source.readline()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\x01\\0\\0\\0\\0\\0\\0\\0")
        elif line == b"hold\\n":
            connection.sendall(b"held\\n")
            threading.Event().wait()
    except OSError:
        pass
    source.close()
    connection.close()

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
threading.stack_size(128 * 1024)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;
