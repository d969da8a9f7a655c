#!/usr/bin/env python3
"""The real server when the system has no descriptor left: it lives, says so once, and goes on by itself afterwards."""

import resource
import socket
import unittest

import raw_http2
import support

support.require_stubs()

CONNECTIONS = 200


class DescriptorsTest(support.ServerTestCase):
    def setUp(self):
        super().setUp()
        self.stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(self.stubs.close)
        self.idle = []
        self.addCleanup(lambda: [connection.close() for connection in self.idle])

    def verify(self):
        request = self.stubs.verifier.VerifyRequest(key=self.server.root_key())
        return self.stubs.call("Verify", request).valid

    def limit_files(self, count):
        """From now on the running server may have so many descriptors open; returns what it was."""
        _, hard = resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE)
        return resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, (count, hard))

    def exhaust(self):
        """Leaves the server without a descriptor; returns what undoes it."""
        in_use = int(self.server.metric("process_open_fds"))
        before = self.limit_files(in_use + 10)
        for _ in range(CONNECTIONS):
            try:
                self.idle.append(raw_http2.connect(self.server.address))
            except OSError:
                continue  # turned away before it could greet
        support.wait_until(
            lambda: "connections cannot be accepted for now" in self.server.process.log(), 30, "the server to say so"
        )
        return lambda: self.limit_files(before[0])

    def test_a_call_on_an_open_connection_is_answered_without_descriptors(self):
        self.assertTrue(self.verify())
        restore = self.exhaust()
        self.assertTrue(self.verify())
        restore()

    def test_a_caller_gets_in_also_while_descriptors_are_short(self):
        self.assertTrue(self.verify())
        restore = self.exhaust()
        self.stubs.close()
        # Connections without a caller make room, and gRPC's client tries again.
        self.stubs = support.Stubs(self.server.address, self.server.root_key(), own_connection=True)
        self.addCleanup(self.stubs.close)
        self.stubs.grpc.channel_ready_future(self.stubs.channel).result(timeout=60)
        self.assertTrue(self.verify())
        restore()

    def test_without_a_restart_all_is_as_before_when_there_are_descriptors_again(self):
        self.assertTrue(self.verify())
        restore = self.exhaust()
        for connection in self.idle:
            connection.close()
        restore()
        fresh = [raw_http2.connect(self.server.address) for _ in range(50)]
        for connection in fresh:
            self.assertTrue(connection.recv(9), "the server greets")
            connection.close()
        self.assertTrue(self.verify())
        self.assertGreater(self.server.metric('claviger_connections_refused_total{bound="descriptors"}'), 0)
        self.assertEqual(self.server.metric("claviger_store_writable"), 1)
        # Issuing writes; what writes needs no new descriptor, and keeps what it had.
        self.stubs.call("IssueKey", self.stubs.authority.IssueKeyRequest(project_id="default", display_name="after"))
        log = self.server.process.log()
        self.assertLess(log.count("connections cannot be accepted for now"), 10, "it fills the log")

    def test_the_http_port_goes_on_by_itself_as_well(self):
        restore = self.exhaust()
        waiting = []
        for _ in range(50):
            connection = socket.socket()
            connection.setblocking(False)
            host, port = self.server.http.rsplit(":", 1)
            connection.connect_ex((host, int(port)))
            waiting.append(connection)
        for connection in waiting:
            connection.close()
        restore()
        support.wait_until(
            lambda: support.http_get(f"http://{self.server.http}/healthz")[0] == 200, 60, "HTTP to answer again"
        )
        self.server.metrics()


if __name__ == "__main__":
    unittest.main()
