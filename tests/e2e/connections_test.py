#!/usr/bin/env python3
"""Floods of connections against the real server: it keeps to its caps, and whoever has a key gets through meanwhile."""

import resource
import unittest

import raw_http2
import support

support.require_stubs()

FLOOD = 10_000
SPARE_FILES = 500


def require_files(count):
    """Lets this process open so many files, or skips."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        support.skip(f"this process may open {hard} files only, and {count} are needed for the flood")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


require_files(FLOOD + SPARE_FILES)


def many_hosts(i):
    return f"127.{1 + i // 60_000}.{i // 250 % 240}.{1 + i % 250}"


class ConnectionsTest(support.ServerTestCase):
    FLAGS = ("--max-connections", "2000", "--max-connections-per-address", "200")

    def setUp(self):
        super().setUp()
        self.key = self.server.root_key()
        self.idle = []
        self.addCleanup(lambda: [connection.close() for connection in self.idle])

    def new_caller(self):
        stubs = support.Stubs(self.server.address, self.key, own_connection=True)
        self.addCleanup(stubs.close)
        return stubs

    def check(self, stubs, is_new=False):
        """One check of a key over the caller's connection; one that is new may be made in more than one try."""
        method = stubs.channel.unary_unary(
            "/claviger.v1.Verifier/Verify",
            request_serializer=stubs.verifier.VerifyRequest.SerializeToString,
            response_deserializer=stubs.verifier.VerifyResponse.FromString,
        )
        answer = method(
            stubs.verifier.VerifyRequest(key=self.key),
            metadata=[("authorization", f"Bearer {self.key}")],
            timeout=30,
            wait_for_ready=is_new,
        )
        self.assertTrue(answer.valid)

    def known_caller(self):
        """A caller that has made a check, and its stream that stays."""
        caller = self.new_caller()
        self.check(caller)
        return caller, self.open_stream(caller)

    def flood(self, host, caller=None):
        """Opens connections that greet and say nothing more; after each thousandth the caller and a new one get through."""
        for i in range(FLOOD):
            try:
                self.idle.append(raw_http2.connect(self.server.address, host(i)))
            except OSError:
                continue  # turned away before it could greet
            if i % 1000 == 999 and caller is not None:
                self.check(caller)
                self.check(self.new_caller(), is_new=True)

    def still_open(self):
        return sum(not raw_http2.has_ended(connection) for connection in self.idle)

    def open_stream(self, stubs):
        """A stream that stays; its end would show that its connection was cut."""
        method = stubs.channel.unary_stream(
            "/grpc.health.v1.Health/Watch", request_serializer=lambda _: b"", response_deserializer=bytes
        )
        stream = method(b"")
        next(iter(stream))
        return stream

    def test_idle_connections_of_one_address_are_closed_beyond_its_cap(self):
        caller, stream = self.known_caller()
        self.flood(lambda i: "127.0.0.77", caller)
        support.wait_until(lambda: self.still_open() <= 200, 60, "the flood to be cut down")
        self.check(caller)
        self.check(self.new_caller(), is_new=True)
        self.assertTrue(stream.is_active(), "the caller's connection was cut")
        support.wait_until(
            lambda: self.server.metric('claviger_connections{caller="none"}') <= 200 + 5, 60, "the others to be closed"
        )
        closed = self.server.metric('claviger_connections_made_room_total{bound="address"}')
        refused = self.server.metric('claviger_connections_refused_total{bound="address"}')
        self.assertGreaterEqual(closed + refused, FLOOD - 300)

    def test_idle_connections_of_the_callers_own_address_leave_it_a_place(self):
        caller, stream = self.known_caller()
        self.flood(lambda i: "127.0.0.1", caller)
        support.wait_until(lambda: self.still_open() <= 200, 60, "the flood to be cut down")
        self.check(self.new_caller(), is_new=True)
        self.assertTrue(stream.is_active(), "the caller's connection was cut")

    def test_idle_connections_of_many_addresses_are_closed_beyond_the_total(self):
        caller, stream = self.known_caller()
        self.flood(many_hosts, caller)
        support.wait_until(lambda: self.still_open() <= 2000, 60, "the flood to be cut down")
        self.check(caller)
        self.check(self.new_caller(), is_new=True)
        self.assertTrue(stream.is_active(), "the caller's connection was cut")
        total = self.server.metric('claviger_connections{caller="none"}')
        total += self.server.metric('claviger_connections{caller="recognised"}')
        self.assertLessEqual(total, 2000 + 2000 / 4 + 16)
        self.assertEqual(self.server.metric("claviger_connections_most"), 2000)
        support.wait_until(lambda: "too many connections" in self.server.process.log(), 30, "the server to say so")
        self.assertLess(self.server.process.log().count("too many connections"), 10, "the flood fills the log")

    def test_a_caller_from_an_address_without_one_gets_in_between(self):
        self.flood(many_hosts)
        self.check(self.new_caller(), is_new=True)

    def test_descriptors_come_back_when_the_flood_is_over(self):
        self.check(self.new_caller(), is_new=True)
        before = self.server.metric("process_open_fds")
        self.flood(many_hosts)
        for connection in self.idle:
            connection.close()
        support.wait_until(
            lambda: self.server.metric("process_open_fds") <= before + 10, 60, "descriptors to come back"
        )
        support.wait_until(
            lambda: self.server.metric('claviger_connections{caller="none"}') <= 5, 60, "connections to be forgotten"
        )


if __name__ == "__main__":
    unittest.main()
