"""What the attacks have in common: which calls they name, and how sending and its end are told in a few words."""

import struct

import h2

VERIFY = "/claviger.v1.Verifier/Verify"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
GZIP = ("grpc-encoding", "gzip")
SLOW_SECONDS = 8  # longer than --handshake-timeout, so that what is slow has been seen to be cut off
BATCH = 100


def flood(target, pieces, opening=b""):
    """Sends the opening and then all pieces, reading nothing meanwhile; says how it ended and what was answered last."""
    with h2.Connection(target) as connection:
        connection.send(opening)
        sent = 0
        for piece in pieces:
            if not connection.send(piece):
                break
            sent += len(piece)
        return f"{ending(connection)} after {sent / 2**20:.1f} MiB"


def ending(connection, seconds=0.5):
    """How the peer took it: in a word what it said, or else whether it closed."""
    ending = None
    for kind, _, _, payload in connection.read_frames(seconds):
        if kind == h2.GOAWAY:
            ending = f"GOAWAY {struct.unpack('>I', payload[4:8])[0]}"
        elif kind == h2.RST_STREAM and ending is None:
            ending = f"RST_STREAM {struct.unpack('>I', payload)[0]}"
    return ending or connection.outcome


def count(outcomes):
    """`3 closed, 2 open` of many."""
    return ", ".join(f"{outcomes.count(kind)} {kind}" for kind in sorted(set(outcomes)))


def each(target, openings, seconds=0.2):
    """One connection for each of the openings, one after the other; how they ended, counted."""
    outcomes = []
    for preface, sent in openings:
        with h2.Connection(target, preface) as connection:
            connection.send(sent)
            outcomes.append(ending(connection, seconds))
    return count(outcomes)


def streams(count, first=1):
    return range(first, first + 2 * count, 2)
