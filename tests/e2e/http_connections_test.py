#!/usr/bin/env python3
"""The HTTP port of the real server under clients that connect and say nothing, or not all of it."""

import socket
import unittest

import support

IDLE = 1000
PATIENCE_SECONDS = 120


class HttpConnectionsTest(support.ServerTestCase):
    def setUp(self):
        super().setUp()
        self.idle = []
        self.addCleanup(self.close)

    def close(self):
        for connection in self.idle:
            connection.close()
        self.idle.clear()

    def open_idle(self, count, said=b""):
        host, port = self.server.http.rsplit(":", 1)
        for _ in range(count):
            connection = socket.socket()
            self.idle.append(connection)
            connection.settimeout(0.05)
            try:
                connection.connect((host, int(port)))
                connection.sendall(said)
            except OSError:
                continue  # it has to wait for its place

    def threads(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))

    def is_healthy(self):
        return support.http_get(f"http://{self.server.http}/healthz")[0] == 200

    def test_clients_that_say_nothing_hold_it_up_for_a_while_only(self):
        self.open_idle(150)
        support.wait_until(self.is_healthy, PATIENCE_SECONDS, "an answer behind 150 silent clients")

    def test_clients_that_stop_in_the_middle_hold_it_up_for_a_while_only(self):
        self.open_idle(150, b"GET /metrics HTTP/1.1\r\nHost: local")
        support.wait_until(self.is_healthy, PATIENCE_SECONDS, "an answer behind 150 clients that have stopped")

    def test_many_connections_leave_nothing_behind(self):
        before = self.server.metric("process_open_fds")
        threads = self.threads()
        self.open_idle(IDLE)
        self.close()
        support.wait_until(self.is_healthy, PATIENCE_SECONDS, "an answer when they have gone")
        support.wait_until(
            lambda: self.server.metric("process_open_fds") <= before + 5, PATIENCE_SECONDS, "descriptors to come back"
        )
        self.assertLessEqual(self.threads(), threads + 2)


if __name__ == "__main__":
    unittest.main()
