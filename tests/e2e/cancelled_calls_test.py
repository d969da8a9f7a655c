#!/usr/bin/env python3
"""Calls whose client goes away, or gives them hardly any time: each of them ends at the server as well."""

import os
import queue
import unittest

import support

support.require_stubs()

ROUNDS = 60
PATIENCE_SECONDS = 60


class CancelledCallsTest(support.ServerTestCase):
    FLAGS = ("--lease", "2s")

    def setUp(self):
        super().setUp()
        self.key = self.server.root_key()
        self.stubs = support.Stubs(self.server.address, self.key)
        self.addCleanup(self.stubs.close)
        self.metadata = [("authorization", f"Bearer {self.key}")]

    def method(self, path, request, response):
        return self.stubs.channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
        )

    def issue(self):
        request = self.stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
        return self.stubs.call("IssueKey", request).info.key_id

    def under_way(self):
        """Unary calls that have begun and not ended, as the metrics count them."""
        begun = ended = 0
        for line in self.server.metrics().splitlines():
            if 'grpc_type="unary"' not in line:
                continue
            if line.startswith("grpc_server_started_total{"):
                begun += float(line.rsplit(" ", 1)[1])
            if line.startswith("grpc_server_handled_total{"):
                ended += float(line.rsplit(" ", 1)[1])
        self.assertGreater(begun, 0)
        return begun - ended

    def calls(self):
        """Of each kind one: path, request, class of the response."""
        authority, verifier = self.stubs.authority, self.stubs.verifier
        keys, checks = "/claviger.v1.KeyAuthority/", "/claviger.v1.Verifier/"
        key_id = self.issue()
        issue = authority.IssueKeyRequest(project_id="default", display_name="x")
        check = verifier.VerifyRequest(key=self.key)
        many = verifier.BatchVerifyRequest(checks=[check] * 500)
        return [
            (keys + "IssueKey", issue, authority.IssueKeyResponse),
            (keys + "ListKeys", authority.ListKeysRequest(order_by="name"), authority.ListKeysResponse),
            (keys + "GetKey", authority.GetKeyRequest(key_id=key_id), authority.GetKeyResponse),
            (keys + "DisableKey", authority.DisableKeyRequest(key_id=key_id), authority.DisableKeyResponse),
            (checks + "Verify", check, verifier.VerifyResponse),
            (checks + "BatchVerify", many, verifier.BatchVerifyResponse),
        ]

    def test_calls_with_hardly_any_time_end(self):
        calls = self.calls()
        for i in range(ROUNDS):
            pending = [
                self.method(path, request, response).future(request, metadata=self.metadata, timeout=0.0005 * (i % 8))
                for path, request, response in calls
            ]
            for call in pending:
                call.exception()  # waits for the end that the client sees
        support.wait_until(lambda: self.under_way() == 0, PATIENCE_SECONDS, "all calls to end")

    def test_calls_that_are_cancelled_end(self):
        calls = self.calls()
        for i in range(ROUNDS):
            pending = [
                self.method(path, request, response).future(request, metadata=self.metadata, timeout=30)
                for path, request, response in calls
            ]
            if i % 3 == 0:
                pending[-1].exception()
            for call in pending:
                call.cancel()
        support.wait_until(lambda: self.under_way() == 0, PATIENCE_SECONDS, "all calls to end")

    def test_a_revoke_that_waits_for_a_verifier_ends_without_its_client(self):
        verifier = self.stubs.verifier
        said = queue.Queue()
        hello = verifier.SyncHello(session_id=os.urandom(16), client="stalled")
        said.put(verifier.SyncRequest(hello=hello))
        stream = self.stubs.channel.stream_stream(
            "/claviger.v1.Verifier/Sync",
            request_serializer=verifier.SyncRequest.SerializeToString,
            response_deserializer=verifier.SyncResponse.FromString,
        )(iter(said.get, None), metadata=self.metadata)
        head = next(stream).welcome.head_revision
        said.put(verifier.SyncRequest(beat=verifier.SyncBeat(beat_id=1, acked_revision=head)))
        self.assertEqual(next(stream).WhichOneof("message"), "grant")
        key_id = self.issue()
        # It is told of the new key too, and of nothing more until it says that it knows.
        issued = next(stream).invalidation.to_revision
        said.put(verifier.SyncRequest(beat=verifier.SyncBeat(beat_id=2, acked_revision=issued)))
        request = self.stubs.authority.RevokeKeyRequest(key_id=key_id)
        revoke = self.method("/claviger.v1.KeyAuthority/RevokeKey", request, self.stubs.authority.RevokeKeyResponse)
        call = revoke.future(request, metadata=self.metadata, timeout=30)
        # The verifier is told of the revoke, and says nothing: now that waits for the verifier's lease.
        while next(stream).invalidation.to_revision <= issued:
            pass
        self.assertFalse(call.done())
        call.cancel()
        support.wait_until(lambda: self.under_way() == 0, PATIENCE_SECONDS, "the revoke to end")
        said.put(None)
        answer = self.stubs.call("GetKey", self.stubs.authority.GetKeyRequest(key_id=key_id))
        self.assertEqual(answer.info.state, self.stubs.key.KEY_STATE_REVOKED)


if __name__ == "__main__":
    unittest.main()
