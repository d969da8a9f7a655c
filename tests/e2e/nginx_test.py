#!/usr/bin/env python3
"""Debian's nginx with the configuration that we ship, in front of a real clavigerd: what a client sees through it."""

import importlib
import json
import pathlib
import queue
import re
import subprocess
import tempfile
import threading
import unittest

import front
import support
from cli_support import DENIED, OK, UNREACHABLE, USAGE, CliCalls, Following, run_cli

front.require_nginx()
support.require_stubs()
GRPCURL = support.tool("grpcurl", support.TOOLS / "bin")


class FrontTestCase(CliCalls, unittest.TestCase):
    """A clavigerd and an nginx for the tests of a class."""

    changes = ()
    # The certificate that clients show.
    certificate = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.backend = front.Backend(cls.folder)
        cls.backend.start()
        cls.addClassCleanup(lambda: cls.backend.stop() if cls.backend.process.running else None)
        cls.front = front.Front(cls.backend, cls.changes)
        cls.front.start()
        cls.addClassCleanup(cls.front.stop)
        cls.path = cls.backend.certificates.path

    @property
    def server(self):
        """Where commands that go on find it."""
        return self.front

    def flags(self, certificate):
        flags = ["--ca", self.path("ca.crt")]
        if certificate:
            flags += ["--cert", self.path(f"{certificate}.crt"), "--cert-key", self.path(f"{certificate}.key")]
        return flags

    def cli(self, *arguments, expect=OK, stdin=None, flags=None):
        """A command in the backend's folder, where it finds ./data/root.key."""
        flags = self.flags(self.certificate) if flags is None else flags
        result = run_cli(self.folder, self.front.address, [*arguments, *flags], stdin)
        self.assertEqual(result.code, expect, f"{arguments}: {result}\n{self.front.process.log()[-2000:]}")
        return result

    def following(self, begun, *arguments):
        return Following(self, begun, *arguments, *self.flags(self.certificate))

    def stubs(self, key=None):
        import grpc

        read = self.backend.certificates.read
        credentials = grpc.ssl_channel_credentials(read("ca.crt"), read("caller.key"), read("caller.crt"))
        stubs = support.Stubs(self.front.address, key or self.backend.root_key(),
                              channel=grpc.secure_channel(self.front.address, credentials))  # fmt: skip
        self.addCleanup(stubs.close)
        return stubs


class Session:
    """A verifier's Sync stream as docs/invalidation.md has it, with nothing in its cache: it acknowledges what it is told."""

    def __init__(self, stubs):
        self._messages = stubs.verifier
        self._out = queue.Queue()
        self._beats = 0
        self._position = 0
        self.invalidated = []
        self.granted = threading.Event()
        self.error = None
        self._out.put(self._messages.SyncRequest(hello=self._messages.SyncHello(session_id=b"0123456789abcdef", client="test")))
        verifier = importlib.import_module("claviger.v1.verifier_pb2_grpc").VerifierStub(stubs.channel)
        self._call = verifier.Sync(iter(self._out.get, None), metadata=stubs.metadata)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _beat(self):
        self._beats += 1
        beat = self._messages.SyncBeat(beat_id=self._beats, acked_revision=self._position)
        self._out.put(self._messages.SyncRequest(beat=beat))

    def _run(self):
        try:
            for answer in self._call:
                kind = answer.WhichOneof("message")
                if kind == "welcome":
                    self._position = answer.welcome.head_revision
                    self._beat()
                elif kind == "invalidation":
                    self.invalidated += [item.key_id for item in answer.invalidation.items]
                    self._position = answer.invalidation.to_revision
                    self._beat()
                elif kind == "grant":
                    self._position = max(self._position, answer.grant.up_to_revision)
                    self.granted.set()
        except Exception as error:  # pylint: disable=broad-except; shown by whoever waits
            self.error = error
            self.granted.set()

    def close(self):
        self._call.cancel()
        self._out.put(None)
        self._thread.join()


class ShippedFileTest(unittest.TestCase):
    def test_nginx_accepts_it_as_it_is_but_for_its_placeholders(self):
        with tempfile.TemporaryDirectory(prefix="claviger-e2e-") as folder:
            backend = front.Backend(folder)
            status, output = front.Front(backend).check()
        self.assertEqual(status, 0, output)
        self.assertNotIn("[warn]", output)

    def test_the_commented_parts_are_accepted_as_well(self):
        text = front.SHIPPED.read_text(encoding="utf-8")
        comments = re.findall(r"^ *#.*[;{}]$", text, re.MULTILINE)
        self.assertGreater(len(comments), 5)
        with tempfile.TemporaryDirectory(prefix="claviger-e2e-") as folder:
            backend = front.Backend(folder)
            changes = [(line, line.replace("#", "", 1)) for line in dict.fromkeys(comments) if "clients.crt" not in line]
            changes += [("#ssl_client_certificate", "ssl_client_certificate")]
            status, output = front.Front(backend, changes).check()
        self.assertEqual(status, 0, output)
        self.assertNotIn("[warn]", output)


class ThroughTheFrontTest(FrontTestCase):
    def test_a_key_from_issue_to_revoke(self):
        key, key_id = self.issue("-p", "default", "-n", "billing", "-s", "orders:read", "-s", "orders:write")
        self.cli("verify", "--scope", "orders:write", stdin=key)
        self.cli("key", "scopes", key_id, "--remove", "orders:write")
        self.cli("verify", "--scope", "orders:write", stdin=key, expect=DENIED)
        self.cli("key", "revoke", key_id)
        self.cli("verify", stdin=key, expect=DENIED)

    def test_errors_come_with_their_details(self):
        refused = self.cli("key", "issue", "-p", "default", "-n", "n", "-s", "not a scope", expect=USAGE)
        self.assertIn("scopes[0]", refused.err)
        refused = self.cli("key", "get", "0000000000000000", expect=DENIED)
        self.assertIn("KEY_NOT_FOUND", refused.err)

    def test_answers_larger_than_any_buffer_of_the_front(self):
        stubs = self.stubs()
        for number in range(300):
            stubs.call("IssueKey", stubs.authority.IssueKeyRequest(
                project_id="default", display_name=f"{number:03d}-" + "x" * 120, owner="many", description="d" * 1000))  # fmt: skip
        answer = stubs.call("ListKeys", stubs.authority.ListKeysRequest(project_ids=["default"], page_size=1000))
        self.assertGreater(answer.ByteSize(), 300 * 1000)
        self.assertEqual(len([key for key in answer.keys if key.owner == "many"]), 300)

    def test_requests_up_to_the_limit_of_the_server(self):
        key, _ = self.issue("-p", "default", "-n", "checked")
        stubs = self.stubs()
        checks = [stubs.verifier.VerifyRequest(key=key)] * 1000
        answer = stubs.call("BatchVerify", stubs.verifier.BatchVerifyRequest(checks=checks))
        self.assertEqual([each.response.valid for each in answer.results], [True] * 1000)
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call("Verify", stubs.verifier.VerifyRequest(key="x" * (3 << 20)))
        self.assertEqual(caught.exception.code(), stubs.grpc.StatusCode.RESOURCE_EXHAUSTED, "from the front")
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call("Verify", stubs.verifier.VerifyRequest(key="x" * (100 << 10)))
        self.assertEqual(stubs.details(caught.exception)["ErrorInfo"].reason, "MESSAGE_TOO_LARGE", "from the server")

    def test_the_front_is_no_caller(self):
        stubs = self.stubs()
        stubs.metadata.clear()
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call("ListKeys", stubs.authority.ListKeysRequest())
        self.assertEqual(caught.exception.code(), stubs.grpc.StatusCode.UNAUTHENTICATED)

    def test_an_address_that_a_client_claims_is_not_believed(self):
        here, _ = self.issue_management("here", "127.0.0.1/32")
        elsewhere, _ = self.issue_management("elsewhere", "192.0.2.0/24")
        claim = (("x-forwarded-for", "192.0.2.7"), ("x-real-ip", "192.0.2.7"), ("forwarded", "for=192.0.2.7"))
        for key, expected in ((here, None), (elsewhere, "UNAUTHENTICATED")):
            stubs = self.stubs(key)
            stubs.metadata.extend(claim)
            try:
                stubs.call("ListKeys", stubs.authority.ListKeysRequest())
                code = None
            except stubs.grpc.RpcError as error:
                code = error.code().name
            self.assertEqual(code, expected)
        entries = self.cli_json("audit", "list", "--limit", "50")["events"]
        self.assertEqual({entry["peer"] for entry in entries if entry.get("peer")}, {"127.0.0.1"}, "the front's own")

    def issue_management(self, name, addresses):
        answer = self.cli_json("key", "issue", "-p", "claviger", "-n", name, "-s", "keys.read", "--cidr", addresses)
        return answer["key"], answer["info"]["keyId"]

    def test_what_is_not_passed_on_is_unimplemented(self):
        stubs = self.stubs()
        for method in ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/nothing", "/claviger.v2.Verifier/Verify"):
            with self.subTest(method=method), self.assertRaises(stubs.grpc.RpcError) as caught:
                stubs.channel.unary_unary(method)(b"", timeout=30)
            self.assertEqual(caught.exception.code(), stubs.grpc.StatusCode.UNIMPLEMENTED)
        health = stubs.channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=30)
        self.assertEqual(health, b"\x08\x01", "SERVING")

    def test_metadata_beyond_what_a_call_may_have_ends_the_connection(self):
        stubs = self.stubs()
        stubs.metadata.append(("x-large", "v" * 20000))
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call("ListKeys", stubs.authority.ListKeysRequest())
        self.assertEqual(caught.exception.code(), stubs.grpc.StatusCode.UNAVAILABLE)
        stubs.metadata.pop()
        stubs.call("ListKeys", stubs.authority.ListKeysRequest())

    @unittest.skipUnless(GRPCURL, "no grpcurl: ./dev test builds one where there is Go 1.21 or newer")
    def test_grpcurl(self):
        issued, _ = self.issue("-p", "default", "-n", "curl")
        proto = support.ROOT / "proto"
        command = [GRPCURL, "-cacert", self.path("ca.crt"), "-import-path", str(proto), "-import-path", str(proto / "third_party")]
        command += ["-proto", "claviger/v1/verifier.proto", "-H", f"authorization: Bearer {self.backend.root_key()}"]
        command += ["-d", json.dumps({"key": issued}), self.front.address, "claviger.v1.Verifier/Verify"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(json.loads(done.stdout)["valid"])


class SyncThroughTheFrontTest(FrontTestCase):
    def test_a_strict_revoke_waits_for_the_session_behind_the_front(self):
        session = Session(self.stubs())
        self.addCleanup(session.close)
        self.assertTrue(session.granted.wait(60), "a lease")
        self.assertIsNone(session.error)
        watch = self.following("watching", "watch")
        _, key_id = self.issue("-p", "default", "-n", "leaked")
        revoked = self.cli_json("key", "revoke", key_id)
        self.assertEqual(revoked["propagation"]["outcome"], "PROPAGATION_OUTCOME_ALL_ACKED", revoked)
        self.assertIn(key_id, session.invalidated)
        self.assertIsNone(session.error)
        status = self.cli_json("status")
        self.assertIn("test", json.dumps(status), "the session is listed")
        watch.wait_for_line(key_id)

    def test_streams_come_back_when_the_backend_was_restarted(self):
        watch = self.following("watching", "watch")
        tail = self.following("following", "audit", "tail")
        self.backend.stop()
        away = self.cli("key", "list", "--timeout", "3s", expect=UNREACHABLE)
        self.assertIn("does not answer the front", away.err)
        self.backend.start()
        # A command goes through at once; streams come back by themselves.
        _, key_id = self.issue("-p", "default", "-n", "after the restart")
        self.cli("key", "revoke", key_id)
        watch.wait_for_line(key_id)
        tail.wait_for_line(key_id)
        self.assertEqual(self.front.crashed(), [])


class ClientCertificateTest(FrontTestCase):
    changes = (("#ssl_client_certificate", "ssl_client_certificate"), ("#ssl_verify_client", "ssl_verify_client"))
    certificate = "stranger"

    def test_with_a_certificate_and_a_key_a_caller_is_let_in(self):
        self.cli("key", "list")

    def test_without_a_certificate_nobody_is(self):
        refused = self.cli("key", "list", flags=self.flags(None), expect=DENIED)
        self.assertIn("wants a client certificate", refused.err)

    def test_a_certificate_alone_is_no_caller(self):
        stubs = self.stubs()
        stubs.metadata.clear()
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call("ListKeys", stubs.authority.ListKeysRequest())
        self.assertEqual(caught.exception.code(), stubs.grpc.StatusCode.UNAUTHENTICATED)


if __name__ == "__main__":
    unittest.main()
