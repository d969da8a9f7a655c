"""Attacks by what is against the protocol: of HTTP/2, of its header fields, of gRPC."""

import gzip
import random
import struct

import h2
import sending


def garbage(target, scale):
    """Random bytes in the place of the preface, and behind it."""
    seeded = random.Random(7420)
    openings = []
    for number in range(50 * scale):
        preface = h2.PREFACE + h2.settings() if number % 2 else b""
        openings.append((preface, seeded.randbytes(seeded.randrange(1, 20000))))
    return sending.each(target, openings, 0.05)


def bad_frames():
    """Frames against the protocol, each with what is wrong with it."""
    call = h2.headers(1, h2.grpc_headers(sending.VERIFY))
    whole_call = call + h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message(b""))
    return {
        "SETTINGS of 5 bytes": h2.frame(h2.SETTINGS, payload=b"12345"),
        "SETTINGS on a stream": h2.frame(h2.SETTINGS, stream=1),
        "SETTINGS ACK with payload": h2.frame(h2.SETTINGS, h2.ACK, payload=b"123456"),
        "SETTINGS with a window over 2^31": h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 0xFFFFFFFF)),
        "SETTINGS with frames of 0 bytes": h2.settings((5, 0)),
        "PING of 7 bytes": h2.frame(h2.PING, payload=b"1234567"),
        "PING on a stream": h2.frame(h2.PING, stream=1, payload=b"12345678"),
        "RST_STREAM on stream 0": h2.frame(h2.RST_STREAM, payload=b"\0\0\0\0"),
        "RST_STREAM of 3 bytes": call + h2.frame(h2.RST_STREAM, stream=1, payload=b"\0\0\0"),
        "RST_STREAM of an idle stream": h2.reset(99),
        "WINDOW_UPDATE of 0": h2.window_update(0, 0),
        "WINDOW_UPDATE beyond 2^31": h2.window_update(0, 0x7FFFFFFF) * 4,
        "WINDOW_UPDATE beyond 2^31 of a stream": call + h2.window_update(1, 0x7FFFFFFF) * 4,
        "WINDOW_UPDATE of 3 bytes": h2.frame(h2.WINDOW_UPDATE, payload=b"\0\0\1"),
        "DATA on stream 0": h2.frame(h2.DATA, payload=b"x"),
        "DATA on an idle stream": h2.frame(h2.DATA, stream=7, payload=b"x"),
        "DATA behind the end of a stream": whole_call + h2.frame(h2.DATA, 0, 1, b"x"),
        "DATA with more padding than payload": call + h2.frame(h2.DATA, h2.PADDED, 1, b"\xff12"),
        "DATA without its padding's length": call + h2.frame(h2.DATA, h2.PADDED, 1),
        "HEADERS on stream 0": h2.headers(0, h2.grpc_headers(sending.VERIFY)),
        "HEADERS on an even stream": h2.headers(2, h2.grpc_headers(sending.VERIFY)),
        "HEADERS on a lower stream": h2.headers(9, h2.grpc_headers(sending.VERIFY)) + h2.headers(5, h2.grpc_headers(sending.VERIFY)),
        "HEADERS with a stream that depends on itself": h2.frame(
            h2.HEADERS, 0x24, 1, struct.pack(">IB", 1, 9) + h2.grpc_headers(sending.VERIFY)
        ),
        "HEADERS twice": call + call,
        "a frame between HEADERS and CONTINUATION": h2.headers(1, b"", flags=0) + h2.settings(),
        "CONTINUATION of another stream": h2.headers(1, b"", flags=0) + h2.frame(h2.CONTINUATION, 4, 3),
        "CONTINUATION without HEADERS": h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1),
        "PRIORITY of 4 bytes": h2.frame(h2.PRIORITY, stream=1, payload=b"\0\0\0\0"),
        "PUSH_PROMISE from a client": h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, 1, b"\0\0\0\2"),
        "a frame of an unknown kind": h2.frame(0x7F, 0xFF, 1, b"x" * 100),
        "a frame of 16 MiB": h2.frame(h2.DATA, length=0xFFFFFF) + b"x" * 100000,
        "a frame of 16 MiB of an unknown kind": h2.frame(0x7F, length=0xFFFFFF) + b"x" * 100000,
        "GOAWAY of 3 bytes": h2.frame(h2.GOAWAY, payload=b"\0\0\0"),
        "GOAWAY, then a call": h2.goaway(text=b"x" * 10000) + whole_call,
        "an index that no table has": h2.headers(1, h2.indexed(200)),
        "index 0": h2.headers(1, h2.indexed(0)),
        "an integer without end": h2.headers(1, b"\xff" + b"\xff" * 50),
        "a string longer than the block": h2.headers(1, b"\x00\x05x"),
        "a table of 4 GiB": h2.headers(1, h2.hpack_integer(1 << 32, 5, 0x20)),
        "Huffman code of ones": h2.headers(1, b"\x00\x81\xff\x84\xff\xff\xff\xff"),
        "an upper-case field name": h2.headers(1, h2.grpc_headers(sending.VERIFY, ("X-Upper", "1"))),
        "a field with a line end": h2.headers(1, h2.grpc_headers(sending.VERIFY, ("x-line", "a\r\nb: c"))),
        "two paths": h2.headers(1, h2.grpc_headers(sending.VERIFY, (":path", "/a/b"))),
        "a second preface": h2.PREFACE,
        "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }


def wrong_frames(target, scale):
    """Each frame of `bad_frames` on a connection of its own."""
    del scale
    openings = [(h2.PREFACE + h2.settings(), sent) for sent in bad_frames().values()]
    return sending.each(target, openings, 0.1)


def lying_lengths(target, scale):
    """Messages that say they have 4 GiB, or more or less than comes."""
    lies = [
        h2.message(b"x" * 100, length=0xFFFFFFFF),
        h2.message(b"x" * 100, length=1 << 20),
        h2.message(b"x" * 100, length=1),
        h2.message(b"", length=1 << 31),
        b"\x00\x00",
        b"\x07" + h2.message(b"x")[1:],
    ]
    openings = []
    for number in range(60 * scale):
        call = h2.headers(1, h2.grpc_headers(sending.VERIFY))
        data = h2.frame(h2.DATA, h2.END_STREAM * (number % 2), 1, lies[number % len(lies)])
        openings.append((h2.PREFACE + h2.settings(), call + data))
    return sending.each(target, openings, 0.05)


def bad_compression(target, scale):
    """Messages flagged as compressed: without an encoding, with an unknown one, and with garbage."""
    kinds = [((), b"x" * 100), ((("grpc-encoding", "snappy"),), b"x" * 100), ((sending.GZIP,), b"x" * 100), ((sending.GZIP,), b"")]
    openings = []
    for number in range(40 * scale):
        fields, body = kinds[number % len(kinds)]
        call = h2.headers(1, h2.grpc_headers(sending.VERIFY, *fields))
        data = h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message(body, compressed=1))
        openings.append((h2.PREFACE + h2.settings(), call + data))
    return sending.each(target, openings, 0.05)


def gzip_bomb(target, scale):
    """Messages within the limit that become 256 MiB each, four at once."""
    bomb = h2.message(gzip.compress(b"\0" * (256 << 20), 9), compressed=1)
    call = h2.grpc_headers(sending.VERIFY, sending.GZIP)
    frames = []
    for stream in sending.streams(4 * scale):
        frames.append(h2.headers(stream, call))
        for at in range(0, len(bomb), h2.MAX_FRAME):
            end = h2.END_STREAM if at + h2.MAX_FRAME >= len(bomb) else 0
            frames.append(h2.frame(h2.DATA, end, stream, bomb[at : at + h2.MAX_FRAME]))
    with h2.Connection(target) as connection:
        # Acknowledged, the server's SETTINGS open windows of some MiB.
        connection.read_frames(2, until=lambda frames: any(kind == h2.WINDOW_UPDATE for kind, *_ in frames))
        connection.send(h2.frame(h2.SETTINGS, h2.ACK))
        connection.send(b"".join(frames))
        return sending.ending(connection, 3)


def strange_calls(target, scale):
    """Calls that are none: unknown methods, no method, no path, no `te`, no content type, other content types."""
    blocks = [
        h2.grpc_headers("/claviger.v1.Verifier/Nothing"),
        h2.grpc_headers("/nothing"),
        h2.grpc_headers(""),
        h2.grpc_headers("/" + "x" * 7000),
        h2.grpc_headers(sending.VERIFY, left_out=("te",)),
        h2.grpc_headers(sending.VERIFY, left_out=("content-type",)),
        h2.grpc_headers(sending.VERIFY, ("content-type", "text/html"), left_out=("content-type",)),
        h2.grpc_headers(sending.VERIFY, left_out=(":path",)),
        h2.grpc_headers(sending.VERIFY, left_out=(":method",)),
        h2.grpc_headers(sending.VERIFY, left_out=(":scheme", ":authority")),
        h2.grpc_headers(sending.VERIFY, (":method", "GET"), left_out=(":method",)),
        h2.grpc_headers(sending.VERIFY, ("grpc-timeout", "99999999999999999999H")),
        h2.grpc_headers(sending.VERIFY, ("grpc-timeout", "0n")),
        h2.grpc_headers(sending.VERIFY, ("authorization", "Bearer " + "x" * 4000)),
        h2.grpc_headers(sending.VERIFY, ("authorization", "Basic eDp4"), ("authorization", "Bearer x")),
        b"",
    ]
    return _send_calls(target, blocks * 3 * scale)


def undecodable_metadata(target, scale):
    """Calls with binary metadata that is not base64, which makes gRPC end the connection."""
    return _send_calls(target, [h2.grpc_headers(sending.VERIFY, ("x-bin", "!!!not base64!!!"))] * 20 * scale)


def _send_calls(target, blocks):
    """Each on a connection of its own."""
    data = h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message(b"\x0a\x03abc"))
    openings = [(h2.PREFACE + h2.settings(), h2.headers(1, block) + data) for block in blocks]
    return sending.each(target, openings, 0.05)
