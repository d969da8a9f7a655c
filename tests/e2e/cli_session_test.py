#!/usr/bin/env python3
"""The command line against a real server: who calls and how, what is wrong, and who is connected."""

import json
import pathlib
import signal
import tempfile
import unittest

import support
from cli_support import DENIED, KEY, NO_KEY_ID, OK, UNREACHABLE, USAGE, CliTestCase, Following, make_certificate, run_cli


class CallerTest(CliTestCase):
    def test_sources_of_the_management_key(self):
        root = self.server.root_key()
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        path = self.folder / "data" / "root.key"

        def run(*arguments, stdin=None, **environment):
            return run_cli(elsewhere, self.server.address, ["project", "list", *arguments], stdin, **environment)

        missing = run()
        self.assertEqual(missing.code, DENIED)
        self.assertIn("CREDENTIAL_MISSING", missing.err)
        self.assertIn("--key-file", missing.err)
        for result in (
            run("--key-file", str(path)),
            run("--key-file", "-", stdin=root),
            run(CLAVIGER_KEY_FILE=str(path)),
            run(CLAVIGER_KEY=root),
        ):
            self.assertEqual(result.code, OK, result)

    def test_what_is_no_key_is_not_sent(self):
        refused = self.cli("key", "list", CLAVIGER_KEY="hunter2", expect=USAGE)
        self.assertNotIn("hunter2", refused.err)

    def test_a_key_that_may_not_is_told_so(self):
        self.cli("project", "create", "empty")
        key, _ = self.issue("-p", "claviger", "-n", "reader", "-s", "keys.read", "--bind-project", "empty")
        self.assertEqual(self.cli_json("key", "list", CLAVIGER_KEY=key)["keys"], [])
        refused = self.cli("key", "issue", "-p", "default", "-n", "x", CLAVIGER_KEY=key, expect=DENIED)
        self.assertIn("PERMISSION_DENIED", refused.err)
        customer, _ = self.issue("-p", "default", "-n", "customer")
        refused = self.cli("key", "list", CLAVIGER_KEY=customer, expect=DENIED)
        self.assertIn("PERMISSION_DENIED", refused.err)

    def test_key_in_arguments_is_refused_and_not_repeated(self):
        key, _ = self.issue("-p", "default", "-n", "a")
        refused = self.cli("verify", key, expect=USAGE)
        self.assertNotIn(key, refused.out + refused.err)


class ErrorTest(CliTestCase):
    def test_answers_have_reasons_and_exit_codes(self):
        cases = [
            (["key", "get", NO_KEY_ID], DENIED, "KEY_NOT_FOUND"),
            (["key", "get", "x"], USAGE, "key_id"),
            (["key", "issue", "-p", "nowhere", "-n", "n"], DENIED, "PROJECT_NOT_FOUND"),
            (["key", "issue", "-p", "default", "-n", "n" * 129], USAGE, "display_name"),
            (["key", "issue", "-p", "default", "-n", "tab\there"], USAGE, "display_name"),
            (["key", "issue", "-p", "default", "-n", "n", "-s", "not a scope"], USAGE, "scopes[0]"),
            (["key", "issue", "-p", "default", "-n", "n", "--cidr", "10.0.0.1/8"], USAGE, "allowed_cidrs[0]"),
            (["key", "issue", "-p", "default", "-n", "n", "--expires", "2001-01-01"], USAGE, "expire_time"),
            (["key", "issue", "-p", "default", "-n", "n", "--request-id", "7"], USAGE, "request_id"),
            (["key", "list", "--page-token", "forged"], USAGE, "PAGE_TOKEN_INVALID"),
            (["key", "list", "--order-by", "luck"], USAGE, "order_by"),
            (["project", "create", "Not An Id"], USAGE, "project_id"),
            (["project", "create", "default"], DENIED, "PROJECT_EXISTS"),
            (["project", "delete", "default"], DENIED, "PROJECT_RESERVED"),
        ]
        for arguments, code, text in cases:
            with self.subTest(arguments=arguments):
                result = self.cli(*arguments, expect=code)
                self.assertIn(text, result.err)
                self.assertEqual(result.out, "")

    def test_wrong_usage_reaches_no_server(self):
        for arguments in (["key"], ["nonsense"], ["key", "issue"], ["status", "-o", "xml"], ["status", "--timeout", "0s"]):
            with self.subTest(arguments=arguments):
                result = self.cli(*arguments, "--server", "127.0.0.1:1", expect=USAGE)
                self.assertNotIn("cannot reach", result.err)
                self.assertNotEqual(result.err, "")

    def test_unreachable(self):
        (port,) = support.free_ports(1)
        for arguments in (["status"], ["key", "list"], ["key", "revoke", NO_KEY_ID], ["project", "list", "-o", "json"]):
            with self.subTest(arguments=arguments):
                result = self.cli(*arguments, "--server", f"127.0.0.1:{port}", "--timeout", "5s", expect=UNREACHABLE)
                self.assertIn(f"cannot reach the server at 127.0.0.1:{port}", result.err)
        issue = ["key", "issue", "-p", "default", "-n", "n", "--server", f"127.0.0.1:{port}"]
        self.assertIn("--request-id", self.cli(*issue, expect=UNREACHABLE).err)

    def test_plaintext_to_another_host_is_refused(self):
        refused = self.cli("status", "--server", "192.0.2.1:7420", "--plaintext", expect=USAGE)
        self.assertIn("refused", refused.err)


class StatusTest(CliTestCase):
    def test_status(self):
        answer = self.cli_json("status")
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["health"], "SERVING")
        self.assertGreater(answer["roundTripMs"], 0)
        self.assertEqual(answer["keys"], 1)
        self.assertRegex(self.cli("status").out, r"health +SERVING")

    def test_says_which_step_failed(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        result = run_cli(elsewhere, self.server.address, ["status"])
        self.assertEqual(result.code, DENIED)
        self.assertRegex(result.out, r"health +SERVING\n")
        self.assertRegex(result.out, r"failed +list projects\n")

    def test_completion_is_printed_for_each_shell(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("claviger key issue", self.cli("completion", shell).out)


class WatchTest(CliTestCase):
    TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

    def test_shows_a_revoke_as_it_happens_and_ends_by_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            watch = Following(self, "watching", "watch")
            _, key_id = self.issue("-p", "default", "-n", "watched")
            revoked = self.cli("key", "revoke", key_id)
            self.assertEqual(revoked.out, "revoked; no verifier held it (0 sessions)\n")
            revision = self.cli_json("key", "get", key_id)["info"]["revision"]
            watch.wait_for_line(rf"^{self.TIME} +{revision}  KEY {key_id}$")
            self.assertEqual(watch.end(number), OK)
            self.assertTrue(watch.out.startswith("TIME "), watch.out)
            self.assertRegex(watch.err, r"\Awatching all projects from revision \d+\n\Z")

    def test_json_is_an_object_a_line_for_the_project_asked_for(self):
        self.cli("project", "create", "seen")
        watch = Following(self, "watching", "watch", "-p", "seen", "-o", "json")
        self.assertIn("watching seen from", watch.err)
        _, unseen = self.issue("-p", "default", "-n", "unseen")
        _, seen = self.issue("-p", "seen", "-n", "seen")
        watch.wait_for_line(seen)
        self.assertNotIn(unseen, watch.out)
        events = [json.loads(line) for line in watch.out.splitlines()]
        self.assertEqual(events[-1]["what"], "KEY")
        self.assertEqual(events[-1]["id"], seen)
        self.assertGreater(int(events[-1]["revision"]), 0)
        self.assertRegex(events[-1]["time"], r"\.\d{3}Z$")
        self.assertEqual(watch.end(signal.SIGINT), OK)

    def test_a_strict_revoke_does_not_wait_for_it(self):
        watch = Following(self, "watching", "watch")
        _, key_id = self.issue("-p", "default", "-n", "watched")
        watch.wait_for_line(key_id)
        watch.process.send_signal(signal.SIGSTOP)
        self.addCleanup(watch.process.send_signal, signal.SIGCONT)
        answer = self.cli_json("key", "revoke", key_id)["propagation"]
        self.assertEqual(answer["outcome"], "PROPAGATION_OUTCOME_ALL_ACKED")
        self.assertEqual(answer["ackedSessions"], 0)

    def test_refusals_end_it_at_once(self):
        (port,) = support.free_ports(1)
        unreachable = self.cli("watch", "--server", f"127.0.0.1:{port}", "--timeout", "5s", expect=UNREACHABLE)
        self.assertIn("cannot reach the server", unreachable.err)
        reader, _ = self.issue("-p", "claviger", "-n", "reader", "-s", "keys.read")
        refused = self.cli("watch", CLAVIGER_KEY=reader, expect=DENIED)
        self.assertIn("PERMISSION_DENIED", refused.err)
        self.assertIn("project_ids", self.cli("watch", "-p", "Not An Id", expect=USAGE).err)
        self.assertEqual(unreachable.out + refused.out, "")


class WatchOverARestartTest(CliTestCase):
    def test_goes_on_where_it_was(self):
        self.cli("project", "create", "kept")
        for arguments in ([], ["-p", "kept"]):
            with self.subTest(arguments=arguments):
                watch = Following(self, "watching", "watch", *arguments)
                _, before = self.issue("-p", "kept", "-n", "before")
                watch.wait_for_line(before)
                self.server.stop()
                watch.wait_for(lambda: "not connected" in watch.err, "the watch to miss its server")
                self.server.start_again()
                _, after = self.issue("-p", "kept", "-n", "after")
                watch.wait_for_line(after)
                self.assertIn("connected again", watch.err)
                self.assertNotIn("RESET", watch.out)
                self.assertEqual(watch.end(signal.SIGINT), OK)


class SessionsTest(CliTestCase):
    """What `status` says of whoever keeps a Sync stream."""

    def observers(self):
        return [each for each in self.cli_json("status")["sessions"] if each["observer"]]

    def test_a_session_is_listed_while_it_lasts(self):
        self.assertRegex(self.cli("status").out, r"sessions +none\n")
        watch = Following(self, "watching", "watch")
        (session,) = self.observers()
        self.assertRegex(session["client"], r"^claviger watch \d")
        self.assertEqual(session["peer"], "127.0.0.1")
        self.assertTrue(session["connected"])
        self.assertEqual(session["lag"], "0")
        self.assertEqual(session["state"], "observer")
        self.assertNotIn("leaseLeft", session)
        for columns in (80, 120):
            shown = self.cli("status", COLUMNS=str(columns)).out
            self.assertRegex(shown, r"sessions +1 \(1 observer\)\n")
            self.assertRegex(shown, r"\nCLIENT .*LEASE LEFT  STATE\nclaviger watch.* observer\n")
            self.assertLessEqual(max(len(line) for line in shown.splitlines()), columns)
        self.assertEqual(watch.end(signal.SIGINT), OK)
        support.wait_until(lambda: not self.observers(), support.START_SECONDS, "the session to be gone")

    def test_a_caller_who_may_not_see_them_gets_the_rest(self):
        reader, _ = self.issue("-p", "claviger", "-n", "reader", "-s", "keys.read", "-s", "projects.read")
        answer = self.cli_json("status", CLAVIGER_KEY=reader)
        self.assertTrue(answer["ok"])
        self.assertNotIn("sessions", answer)


class TlsTest(unittest.TestCase):
    """A server that is not in trial mode: TLS, and no key file that is found by itself."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        if support.tool("openssl") is None:
            self.skipTest("no openssl: no certificate can be made")
        make_certificate(self.folder)
        (self.folder / "pepper").write_text("p1:" + "QUFB" * 11 + "\n", encoding="ascii")
        (self.folder / "pepper").chmod(0o600)
        port, http_port = support.free_ports(2)
        self.address = f"127.0.0.1:{port}"
        command = [support.binary("clavigerd"), "--data", str(self.folder / "data"), "--client-auth", "none"]
        command += ["--tls-cert", str(self.folder / "cert.pem"), "--tls-key", str(self.folder / "key.pem")]
        command += ["--pepper-file", str(self.folder / "pepper")]
        command += ["--listen", self.address, "--http-listen", f"127.0.0.1:{http_port}"]
        self.process = support.Process(command, self.folder / "clavigerd.log")
        self.addCleanup(self.process.stop)
        support.wait_until(
            lambda: support.http_get(f"http://127.0.0.1:{http_port}/readyz")[0] == 200,
            support.START_SECONDS,
            "clavigerd to be ready",
            alive=lambda: self.process.running,
        )

    def cli(self, *arguments):
        key = str(self.folder / "data" / "root.key")
        return run_cli(self.folder, self.address, arguments, CLAVIGER_KEY_FILE=key)

    def test_trusted_server_answers_over_tls(self):
        result = self.cli("status", "--ca", str(self.folder / "cert.pem"))
        self.assertEqual(result.code, OK, result)
        self.assertIn("(TLS)", result.out)

    def test_server_that_is_not_trusted_is_not_spoken_to(self):
        other = self.folder / "other"
        other.mkdir()
        make_certificate(other)
        result = self.cli("key", "list", "--ca", str(other / "cert.pem"), "--timeout", "5s")
        self.assertEqual(result.code, UNREACHABLE, result)

    def test_plaintext_to_a_tls_server_fails(self):
        result = self.cli("key", "list", "--plaintext", "--timeout", "5s")
        self.assertEqual(result.code, UNREACHABLE, result)


if __name__ == "__main__":
    unittest.main()
