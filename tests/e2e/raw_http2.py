"""HTTP/2 by hand, for clients that do what no library does."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _length(number):
    """RFC 7541, section 5.1, with a prefix of 7 bits."""
    if number < 127:
        return bytes([number])
    out = [127]
    number -= 127
    while number >= 128:
        out.append(number % 128 + 128)
        number //= 128
    return bytes(out + [number])


def header(name, value):
    """A header as a literal of HPACK."""
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


def call_headers(method, key=None):
    """Headers of a call, e.g. of `/grpc.health.v1.Health/Watch`."""
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", method.encode()), (b":authority", b"localhost")]
    fields += [(b"te", b"trailers"), (b"content-type", b"application/grpc")]
    if key is not None:
        fields.append((b"authorization", b"Bearer " + key.encode()))
    return b"".join(header(name, value) for name, value in fields)


def message(payload=b""):
    """A gRPC message, uncompressed."""
    return b"\0" + struct.pack(">I", len(payload)) + payload


def connect(address, source="127.0.0.1", greet=True, receive_buffer=None):
    """A connection to `host:port` from an address of 127.0.0.0/8, which has said what a client says first."""
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    connection.settimeout(30)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        connection.bind((source, 0))
        connection.connect((host, int(port)))
        if greet:
            connection.sendall(PREFACE + frame(SETTINGS))
    except OSError:
        connection.close()
        raise
    return connection


def has_ended(connection):
    """Whether the other end has closed or reset the connection by now; what came before is dropped."""
    connection.setblocking(False)
    try:
        while True:
            if not connection.recv(65536):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)
