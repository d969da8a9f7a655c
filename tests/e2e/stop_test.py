#!/usr/bin/env python3
"""The end of the real server, with clients that give it no reason to end: it comes when it was promised."""

import os
import signal
import socket
import threading
import unittest

import h2
import raw_http2
import support

support.require_stubs()

DRAIN_SECONDS = 2
# Of the drain timeout and all else that there is to do, on a machine that is busy with other things.
PATIENCE_SECONDS = 60
SYNC = "/claviger.v1.Verifier/Sync"
WATCH_AUDIT = "/claviger.v1.AuditLog/WatchAuditEvents"
WATCH_HEALTH = "/grpc.health.v1.Health/Watch"
LIST_KEYS = "/claviger.v1.KeyAuthority/ListKeys"
# SETTINGS_INITIAL_WINDOW_SIZE: the server may send nothing on streams.
NO_WINDOW = h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, 0))


class StopTest(support.ServerTestCase):
    FLAGS = ("--drain-timeout", f"{DRAIN_SECONDS}s", "--lease", "1s")

    def setUp(self):
        super().setUp()
        self.key = self.server.root_key()
        self.stubs = support.Stubs(self.server.address, self.key)
        self.addCleanup(self.stubs.close)

    def connect(self, **arguments):
        connection = raw_http2.connect(self.server.address, **arguments)
        self.addCleanup(connection.close)
        return connection

    def call(self, connection, stream, method, request=b"", end=True):
        headers = h2.grpc_headers(method, ("authorization", f"Bearer {self.key}"))
        connection.sendall(
            h2.headers(stream, headers)
            + h2.frame(h2.DATA, h2.END_STREAM if end else 0, stream, h2.message(request))
        )

    def hello(self):
        verifier = self.stubs.verifier
        return verifier.SyncRequest(hello=verifier.SyncHello(session_id=os.urandom(16))).SerializeToString()

    def wait_for_calls(self, method, count):
        """Until so many calls of a method of ours have begun."""
        name = method.split("/")[-1]

        def begun():
            text = self.server.metrics().splitlines()
            lines = [line for line in text if line.startswith("grpc_server_started_total") and f'"{name}"' in line]
            self.assertTrue(lines, f"no series of {name}")
            return sum(float(line.rsplit(" ", 1)[1]) for line in lines) >= count

        support.wait_until(begun, PATIENCE_SECONDS, f"{count} calls of {name}")

    def stop(self, signals=1):
        for _ in range(signals):
            self.server.process.signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(PATIENCE_SECONDS), 0, self.server.process.log())
        self.assertIn(" stopped", self.server.process.log())

    def start_again(self):
        """After a clean stop; returns a caller."""
        self.server.start_again()
        stubs = support.Stubs(self.server.address, self.key, own_connection=True)
        self.addCleanup(stubs.close)
        return stubs

    def is_whole(self):
        stubs = self.start_again()
        self.assertTrue(stubs.call("Verify", stubs.verifier.VerifyRequest(key=self.key)).valid)

    def test_ends_with_streams_open(self):
        connection = self.connect()
        for stream in range(1, 20, 2):
            self.call(connection, stream, SYNC, self.hello(), end=False)
        for stream in range(21, 40, 2):
            self.call(connection, stream, WATCH_AUDIT)
        for stream in range(41, 60, 2):
            self.call(connection, stream, WATCH_HEALTH, end=False)
        self.wait_for_calls(SYNC, 10)
        self.wait_for_calls(WATCH_AUDIT, 10)
        self.stop()
        self.is_whole()

    def test_ends_with_streams_that_nobody_reads(self):
        for _ in range(5):
            connection = self.connect(greet=False)
            connection.sendall(h2.PREFACE + NO_WINDOW)
            self.call(connection, 1, SYNC, self.hello(), end=False)
            self.call(connection, 3, WATCH_AUDIT)
            self.call(connection, 5, LIST_KEYS)
        self.wait_for_calls(LIST_KEYS, 5)
        for _ in range(20):
            request = self.stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
            self.stubs.call("IssueKey", request)
        self.stop()
        self.is_whole()

    def test_ends_with_a_reader_that_has_stopped(self):
        for _ in range(200):
            request = self.stubs.authority.IssueKeyRequest(
                project_id="default", display_name="a key", description="d" * 1000
            )
            self.stubs.call("IssueKey", request)
        connection = self.connect(greet=False, receive_buffer=4096)
        # HTTP/2 allows much, and the connection is not read from.
        window = h2.settings((h2.SETTINGS_INITIAL_WINDOW_SIZE, (1 << 31) - 1))
        window += h2.window_update(0, 1 << 30)
        connection.sendall(h2.PREFACE + window)
        request = self.stubs.authority.ListKeysRequest(page_size=1000).SerializeToString()
        for stream in range(1, 80, 2):
            self.call(connection, stream, LIST_KEYS, request)
        self.wait_for_calls(LIST_KEYS, 20)
        self.stop()
        self.is_whole()

    def test_ends_with_handshakes_open(self):
        silent = [self.connect(greet=False) for _ in range(20)]
        for connection in silent[:10]:
            connection.sendall(h2.PREFACE)
        self.stop()

    def test_ends_with_idle_connections(self):
        for _ in range(100):
            self.connect()
        self.stop()

    def test_ends_with_http_connections_open(self):
        host, port = self.server.http.rsplit(":", 1)
        for i in range(50):
            connection = socket.create_connection((host, int(port)), timeout=30)
            self.addCleanup(connection.close)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"[: i % 40])
        self.stop()

    def test_ends_with_calls_under_way_which_are_whole_or_not_at_all(self):
        answered = []
        begun = threading.Event()

        def issue():
            while True:
                request = self.stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
                try:
                    answered.append(self.stubs.call("IssueKey", request).key)
                except self.stubs.grpc.RpcError:
                    return
                if len(answered) > 20:
                    begun.set()

        threads = [threading.Thread(target=issue) for _ in range(4)]
        for thread in threads:
            thread.start()
        self.assertTrue(begun.wait(PATIENCE_SECONDS))
        self.stop()
        for thread in threads:
            thread.join()
        stubs = self.start_again()
        for key in answered:
            self.assertTrue(stubs.call("Verify", stubs.verifier.VerifyRequest(key=key)).valid)

    def test_a_second_request_to_stop_changes_nothing(self):
        connection = self.connect()
        self.call(connection, 1, SYNC, self.hello(), end=False)
        self.call(connection, 3, WATCH_HEALTH, end=False)
        self.wait_for_calls(SYNC, 1)
        self.stop(signals=5)
        self.is_whole()


if __name__ == "__main__":
    unittest.main()
