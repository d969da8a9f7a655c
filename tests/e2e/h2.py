"""HTTP/2 by hand, so that it can be broken: frames, header blocks of literals, and a connection that sends what it is told.

    with h2.Connection(target) as connection:
        connection.send(h2.headers(1, h2.grpc_headers("/grpc.health.v1.Health/Check")))
        connection.read_frames(1.0)

Nothing here keeps to the protocol by itself: no flow control, no answers to SETTINGS or PING, no check of what comes. Frames are
those of RFC 9113, header fields those of RFC 7541 without Huffman codes and, unless asked for, without the dynamic table.
"""

import dataclasses
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
CANCEL = 0x8
SETTINGS_INITIAL_WINDOW_SIZE = 0x4
MAX_FRAME = 16384  # what a peer accepts unless it says otherwise
FRAME_NAMES = (
    "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION".split()
)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame; `length` says another length than the payload has."""
    size = len(payload) if length is None else length
    return struct.pack(">HBBBI", size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", name, value) for name, value in pairs))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, stream=stream, payload=struct.pack(">I", code))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", increment))


def goaway(last_stream=0, code=0, text=b""):
    return frame(GOAWAY, payload=struct.pack(">II", last_stream, code) + text)


def hpack_integer(value, prefix_bits, pattern):
    """An integer behind the bits of `pattern` (RFC 7541, 5.1)."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([pattern | value])
    out = bytearray([pattern | most])
    value -= most
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def hpack_string(text):
    return hpack_integer(len(text), 7, 0) + text


def literal(name, value, remembered=False):
    """A header field with a new name; `remembered` puts it into the peer's dynamic table, where it is index 62."""
    name, value = (part.encode() if isinstance(part, str) else part for part in (name, value))
    return (b"\x40" if remembered else b"\x00") + hpack_string(name) + hpack_string(value)


def indexed(index):
    """A header field that is in a table already."""
    return hpack_integer(index, 7, 0x80)


def grpc_headers(path, *more, left_out=()):
    """The block of a call to the method; `more` are (name, value) pairs, `left_out` names of usual fields."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "claviger")]
    fields += [("te", "trailers"), ("content-type", "application/grpc")]
    return b"".join(literal(*field) for field in [*fields, *more] if field[0] not in left_out)


def headers(stream, block, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def header_frames(stream, block, end=True, flags=0):
    """A block of any length: HEADERS and as many CONTINUATION as it takes; without `end` the block stays open."""
    pieces = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)] or [b""]
    out = []
    for number, piece in enumerate(pieces):
        last = END_HEADERS if end and number == len(pieces) - 1 else 0
        out.append(frame(CONTINUATION if number else HEADERS, last | (0 if number else flags), stream, piece))
    return b"".join(out)


def message(body, compressed=0, length=None):
    """A gRPC message; `length` says another length than the body has."""
    return struct.pack(">BI", compressed, len(body) if length is None else length) + body


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to connect: an address (host, port), for TLS a context, and the address to come from."""

    address: tuple
    context: ssl.SSLContext | None = None
    source: str = "127.0.0.1"
    timeout: float = 10.0

    def open_tcp(self):
        """A connected socket without TLS. OSError when it cannot be had."""
        return socket.create_connection(self.address, self.timeout, (self.source, 0))

    def open(self):
        """A connected socket, with TLS where the target has it. OSError when it cannot be had."""
        raw = self.open_tcp()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is None:
            return raw
        try:
            return self.context.wrap_socket(raw, server_hostname=self.address[0])
        except BaseException:
            raw.close()
            raise


class Connection:
    """A connection that has sent the preface and its SETTINGS, unless told otherwise.

    `outcome` says how it went so far: `open`, `closed` (by the peer), or `stalled` (the peer does not read).
    """

    def __init__(self, target, preface=PREFACE + settings()):
        self.outcome = "open"
        self._unread = b""
        self._socket = None
        try:
            self._socket = target.open()
        except (OSError, ssl.SSLError):
            self.outcome = "closed"
            return
        self.send(preface)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket is not None:
            self._socket.close()

    @property
    def is_open(self):
        return self.outcome == "open"

    def send(self, data):
        """Sends all of it; whether the peer took it."""
        if not self.is_open:
            return False
        try:
            self._socket.sendall(data)
        except TimeoutError:
            self.outcome = "stalled"
        except (OSError, ssl.SSLError):
            self.outcome = "closed"
        return self.is_open

    def _read_some(self, seconds):
        """Whether something came within so many seconds."""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            return False
        except (OSError, ssl.SSLError):
            data = b""
        if not data:
            self.outcome = "closed"
        self._unread += data
        return bool(data)

    def read_frames(self, seconds, until=lambda frames: False):
        """Frames as (kind, flags, stream, payload), until the peer closes, nothing came for so many seconds, or `until` says so."""
        frames = []
        while self._socket is not None:
            while len(self._unread) >= 9:
                high, low, kind, flags, stream = struct.unpack(">HBBBI", self._unread[:9])
                end = 9 + (high << 8 | low)
                if len(self._unread) < end:
                    break
                frames.append((kind, flags, stream & 0x7FFFFFFF, self._unread[9:end]))
                self._unread = self._unread[end:]
            if until(frames) or self.outcome == "closed" or not self._read_some(seconds):
                break
        return frames

    def closed_within(self, seconds):
        """Reads until the peer closes; whether it did before nothing came for so many seconds."""
        if self._socket is None:
            return True
        while self.outcome != "closed" and self._read_some(seconds):
            self._unread = b""
        return self.outcome == "closed"
