#!/usr/bin/env python3
"""The command line against a real server: every command, its output, its exit code, and bad input."""

import json
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import tempfile
import unittest

import support

OK, DENIED, USAGE, UNREACHABLE = range(4)
KEY = re.compile(r"[a-z][a-z0-9]{1,15}_(live|test)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}")
NO_KEY_ID = "0000000000000000"
RUN_SECONDS = 60


class Result:
    """What a run printed and how it ended."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


def run_cli(folder, server, arguments, stdin=None, **environment):
    """Runs the binary in the folder with nothing of our environment but PATH."""
    variables = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": server, **environment}
    process = subprocess.run(
        [support.binary("claviger"), *arguments],
        cwd=folder,
        env=variables,
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    return Result(process)


def make_certificate(folder):
    """A self-signed certificate for 127.0.0.1 in cert.pem and its key in key.pem."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    (folder / "key.pem").chmod(0o600)


class CliTestCase(unittest.TestCase):
    """One server for the tests of a class. Commands run in its folder, where ./data/root.key is found by itself."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.server = support.Server(cls.folder)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)

    def cli(self, *arguments, stdin=None, expect=OK, **environment):
        result = run_cli(self.folder, self.server.address, arguments, stdin, **environment)
        self.assertEqual(result.code, expect, f"{arguments}: {result}")
        self.assertNotIn("terminate called", result.err)
        self.assertLess(result.err.count("\n"), 25, f"too long: {result.err}")
        return result

    def cli_json(self, *arguments, **more):
        return self.cli(*arguments, "-o", "json", **more).json

    def issue(self, *arguments):
        """(key, key id) of a new key."""
        answer = self.cli_json("key", "issue", *arguments)
        self.assertRegex(answer["key"], KEY)
        return answer["key"], answer["info"]["keyId"]


class StoryTest(CliTestCase):
    def test_a_key_from_project_to_revocation(self):
        created = self.cli("project", "create", "acme", "--name", "Acme API", "-s", "invoices:*", "-s", "reports:read")
        self.assertIn("Acme API", created.out)
        key, key_id = self.issue("-p", "acme", "-n", "billing", "-s", "invoices:read", "-s", "invoices:write", "--ttl", "90d")
        self.assertTrue(self.cli("verify", "-s", "invoices:write", stdin=key).out.startswith("VALID\n"))
        scopes = self.cli("key", "scopes", key_id, "--remove", "invoices:write")
        self.assertRegex(scopes.out, r"removed +invoices:write")
        self.assertRegex(scopes.out, r"narrowed +no verifier held it \(0 sessions\)")
        denied = self.cli("verify", "-s", "invoices:write", stdin=key, expect=DENIED)
        self.assertTrue(denied.out.startswith("DENIED INSUFFICIENT_SCOPE missing invoices:write\n"), denied)
        self.assertEqual(self.cli("key", "disable", key_id).out, "disabled; no verifier held it (0 sessions)\n")
        self.assertEqual(self.cli("verify", stdin=key, expect=DENIED).out, "DENIED DISABLED\n")
        self.assertEqual(self.cli("key", "enable", key_id).out, "enabled\n")
        self.cli("verify", stdin=key)
        revoked = self.cli("key", "revoke", key_id, "--reason", "owner-left", "--note", "gone")
        self.assertEqual(revoked.out, "revoked; no verifier held it (0 sessions)\n")
        self.assertEqual(self.cli("verify", stdin=key, expect=DENIED).out, "DENIED REVOKED\n")
        shown = self.cli("key", "get", key_id).out
        self.assertRegex(shown, r"state +REVOKED")
        self.assertRegex(shown, r"reason +OWNER_LEFT")
        self.assertNotIn(key, shown)
        self.assertIn(key_id, self.cli("key", "list", "-p", "acme").out)
        self.assertNotIn(key_id, self.cli("key", "list", "-p", "acme", "--hide-revoked").out)


class ProjectTest(CliTestCase):
    def test_create_update_get_list_delete(self):
        self.cli("project", "create", "shop", "--key-prefix", "shop", "--max-ttl", "1y", "--require-cidrs")
        updated = self.cli_json("project", "update", "shop", "--no-require-cidrs", "--default-ttl", "90d", "-n", "Shop")
        project = updated["project"]
        self.assertEqual(project["displayName"], "Shop")
        self.assertEqual(project["policy"]["maxKeyTtl"], "31536000s")
        self.assertEqual(project["policy"]["defaultKeyTtl"], "7776000s")
        self.assertFalse(project["policy"]["allowedCidrsRequired"])
        self.assertEqual(self.cli_json("project", "get", "shop")["project"], project)
        listed = [each["projectId"] for each in self.cli_json("project", "list")["projects"]]
        self.assertLessEqual({"claviger", "default", "shop"}, set(listed))
        self.assertEqual(listed, sorted(listed))
        self.assertEqual(len(self.cli_json("project", "list", "--limit", "2")["projects"]), 2)
        self.assertEqual(self.cli("project", "delete", "shop").out, "deleted\n")
        self.cli("project", "get", "shop", expect=DENIED)

    def test_update_names_only_what_was_given(self):
        self.cli("project", "create", "named", "-s", "orders:read", "--max-ttl", "1y")
        self.cli("project", "update", "named", "--name", "Shop")
        project = self.cli_json("project", "get", "named")["project"]
        self.assertEqual(project["scopeCatalog"], ["orders:read"])
        self.assertEqual(project["policy"]["maxKeyTtl"], "31536000s")
        cleared = self.cli_json("project", "update", "named", "--any-scope", "--max-ttl", "none")["project"]
        self.assertEqual(cleared["scopeCatalog"], [])
        self.assertNotIn("maxKeyTtl", cleared["policy"])

    def test_stale_revision_and_dry_run_change_nothing(self):
        revision = self.cli_json("project", "create", "stale")["project"]["revision"]
        self.cli("project", "update", "stale", "-n", "One", "--if-revision", revision)
        stale = self.cli("project", "update", "stale", "-n", "Two", "--if-revision", revision, expect=DENIED)
        self.assertIn("STALE_REVISION", stale.err)
        dry = self.cli("project", "update", "stale", "-n", "Three", "--dry-run")
        self.assertIn("nothing was changed", dry.err)
        self.cli("project", "delete", "stale", "--dry-run")
        self.assertEqual(self.cli_json("project", "get", "stale")["project"]["displayName"], "One")

    def test_a_project_with_keys_stays(self):
        self.cli("project", "create", "full")
        self.issue("-p", "full", "-n", "k")
        self.assertIn("PROJECT_NOT_EMPTY", self.cli("project", "delete", "full", expect=DENIED).err)


class IssueTest(CliTestCase):
    def test_stdout_is_the_key_alone(self):
        result = self.cli("key", "issue", "-p", "default", "-n", "ci")
        self.assertRegex(result.out, rf"\A{KEY.pattern}\n\Z")
        self.assertIn("This is the only time", result.err)
        self.assertNotIn(result.out.strip(), result.err)
        quiet = self.cli("key", "issue", "-p", "default", "-n", "ci", "-q")
        self.assertRegex(quiet.out, rf"\A{KEY.pattern}\n\Z")
        self.assertEqual(quiet.err, "")

    def test_every_field_arrives(self):
        answer = self.cli_json(
            *["key", "issue", "-p", "default", "-n", "Bücher 鍵", "--description", "d", "-s", "a:b", "-s", "c:*"],
            *["--expires", "2040-01-31", "--owner", "alice", "-l", "team=x", "-l", "tier=1"],
            *["--metadata", '{"plan":"pro"}', "--cidr", "10.0.0.0/8", "--cidr", "2001:db8::/32", "--env", "test"],
        )
        info = answer["info"]
        self.assertEqual(info["displayName"], "Bücher 鍵")
        self.assertEqual(info["description"], "d")
        self.assertEqual(info["scopes"], ["a:b", "c:*"])
        self.assertEqual(info["expireTime"], "2040-01-31T00:00:00Z")
        self.assertEqual(info["owner"], "alice")
        self.assertEqual(info["labels"], {"team": "x", "tier": "1"})
        self.assertEqual(info["metadata"], {"plan": "pro"})
        self.assertEqual(info["allowedCidrs"], ["10.0.0.0/8", "2001:db8::/32"])
        self.assertEqual(info["environment"], "ENVIRONMENT_TEST")
        self.assertIn("_test_", answer["key"])

    def test_ttl_presets(self):
        seconds = {"30d": 30, "60d": 60, "90d": 90, "180d": 180, "1y": 365}
        for preset, days in seconds.items():
            info = self.cli_json("key", "issue", "-p", "default", "-n", preset, "--ttl", preset)["info"]
            shown = self.cli("key", "get", info["keyId"]).out
            self.assertIn(f"(in {days} days)", shown)
        info = self.cli_json("key", "issue", "-p", "default", "-n", "none", "--ttl", "none")["info"]
        self.assertNotIn("expireTime", info)

    def test_a_time_that_is_empty_is_no_time(self):
        for flag in ("--ttl", "--expires"):
            self.assertIn(flag, self.cli("key", "issue", "-p", "default", "-n", "x", flag, "", expect=USAGE).err)

    def test_key_out_is_closed_and_never_overwrites(self):
        path = self.folder / "partner.key"
        result = self.cli("key", "issue", "-p", "default", "-n", "partner", "--key-out", str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        key = path.read_text(encoding="ascii").strip()
        self.assertRegex(key, KEY)
        self.assertNotIn(key, result.out + result.err)
        before = len(self.cli_json("key", "list", "--all")["keys"])
        self.cli("key", "issue", "-p", "default", "-n", "partner", "--key-out", str(path), expect=USAGE)
        self.assertEqual(path.read_text(encoding="ascii").strip(), key)
        self.assertEqual(len(self.cli_json("key", "list", "--all")["keys"]), before)
        self.cli("verify", "--from", str(path))

    def test_key_out_leaves_no_file_when_refused(self):
        path = self.folder / "refused.key"
        self.cli("key", "issue", "-p", "nowhere", "-n", "n", "--key-out", str(path), expect=DENIED)
        self.assertFalse(path.exists())

    def test_same_request_id_gives_the_same_key(self):
        arguments = ["-p", "default", "-n", "once", "--request-id", "6a1c7f0e-53a8-4a35-9d4e-0d1f6b0a7c11"]
        self.assertEqual(self.issue(*arguments), self.issue(*arguments))
        reused = self.cli("key", "issue", *arguments, "--owner", "bob", expect=DENIED)
        self.assertIn("REQUEST_ID_REUSED", reused.err)

    def test_dry_run_issues_nothing(self):
        result = self.cli("key", "issue", "-p", "default", "-n", "maybe", "--dry-run")
        self.assertIn("nothing was issued", result.err)
        self.assertNotRegex(result.out + result.err, KEY)
        self.assertEqual(self.cli_json("key", "list", "--name-contains", "maybe")["keys"], [])


class ListTest(CliTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls()
        maker.cli("project", "create", "acme")
        for number in range(5):
            maker.issue(
                *["-p", "acme", "-n", f"key {number}", "-s", "a:read", "--owner", f"owner {number % 2}"],
                *["-l", f"n={number}", "--ttl", f"{10 + number}d", "--env", "test" if number == 4 else "live"],
            )

    def names(self, *arguments):
        return [key["displayName"] for key in self.cli_json("key", "list", "-p", "acme", *arguments)["keys"]]

    def test_filters(self):
        cases = [
            (["--owner", "owner 1"], {"key 1", "key 3"}),
            (["-l", "n=2"], {"key 2"}),
            (["--env", "test"], {"key 4"}),
            (["--name-contains", "KEY 3"], {"key 3"}),
            (["-s", "a:read"], {f"key {number}" for number in range(5)}),
            (["-s", "b:read"], set()),
            (["--state", "disabled", "--state", "revoked"], set()),
            (["--expire-before", "12d"], {"key 0", "key 1", "key 2"}),
            (["--expire-after", "13d"], {"key 4"}),
            (["--created-after", "1h"], {f"key {number}" for number in range(5)}),
            (["--created-before", "1h"], set()),
        ]
        for arguments, want in cases:
            with self.subTest(arguments=arguments):
                self.assertEqual(set(self.names(*arguments)), want)

    def test_order_limit_and_pages(self):
        self.assertEqual(self.names("--order-by", "name desc", "--limit", "2"), ["key 4", "key 3"])
        first = self.cli_json("key", "list", "-p", "acme", "--order-by", "name", "--limit", "3")
        second = self.cli_json(
            "key", "list", "-p", "acme", "--order-by", "name", "--page-token", first["nextPageToken"]
        )
        self.assertEqual([key["displayName"] for key in first["keys"] + second["keys"]], [f"key {n}" for n in range(5)])
        self.assertEqual(second["nextPageToken"], "")
        self.assertIn("5 in total", self.cli("key", "list", "-p", "acme", "--limit", "1", "--total").err)

    def test_table_fits_narrow_and_wide(self):
        for columns in (40, 80, 200):
            table = self.cli("key", "list", COLUMNS=str(columns)).out
            self.assertEqual(len(table.splitlines()), 7)
            for line in table.splitlines():
                self.assertLessEqual(len(line), columns)
            self.assertNotIn("\x1b", table)

    def test_nothing_found_is_said(self):
        self.assertIn("no keys match", self.cli("key", "list", "-p", "nowhere").err)


class ChangeTest(CliTestCase):
    def test_several_keys_and_the_worst_exit_code(self):
        _, first = self.issue("-p", "default", "-n", "a")
        _, second = self.issue("-p", "default", "-n", "b")
        result = self.cli("key", "revoke", first, NO_KEY_ID, second, expect=DENIED)
        self.assertEqual(result.out.count("revoked; "), 2)
        self.assertIn(NO_KEY_ID, result.err)
        answers = self.cli_json("key", "revoke", first, NO_KEY_ID, expect=DENIED)
        self.assertEqual(answers[0]["info"]["state"], "KEY_STATE_REVOKED")
        self.assertEqual(answers[1]["reason"], "KEY_NOT_FOUND")

    def test_json_of_one_key_is_its_response(self):
        _, key_id = self.issue("-p", "default", "-n", "a")
        answer = self.cli_json("key", "revoke", key_id, "--commit")
        self.assertEqual(answer["info"]["keyId"], key_id)
        self.assertIn("propagation", answer)

    def test_dry_run_and_stale_revision_change_nothing(self):
        _, key_id = self.issue("-p", "default", "-n", "a")
        for command in ("disable", "revoke"):
            self.assertIn("would be", self.cli("key", command, key_id, "--dry-run").out)
            stale = self.cli("key", command, key_id, "--if-revision", "1", expect=DENIED)
            self.assertIn("STALE_REVISION", stale.err)
        self.assertEqual(self.cli_json("key", "get", key_id)["info"]["state"], "KEY_STATE_ACTIVE")

    def test_a_revoked_key_cannot_be_enabled(self):
        _, key_id = self.issue("-p", "default", "-n", "a")
        self.cli("key", "revoke", key_id)
        self.assertIn("KEY_REVOKED", self.cli("key", "enable", key_id, expect=DENIED).err)

    def test_scopes_show_add_remove_and_set(self):
        _, key_id = self.issue("-p", "default", "-n", "a", "-s", "a:read")
        self.assertRegex(self.cli("key", "scopes", key_id).out, r"scopes +a:read\n")
        added = self.cli_json("key", "scopes", key_id, "--add", "b:read", "--add", "a:read")
        self.assertEqual(added["added"], ["b:read"])
        replaced = self.cli_json("key", "scopes", key_id, "--set", "c:read, d:read")
        self.assertEqual(replaced["info"]["scopes"], ["c:read", "d:read"])
        emptied = self.cli_json("key", "scopes", key_id, "--set", "")
        self.assertEqual(emptied["info"]["scopes"], [])


class RotateTest(CliTestCase):
    def rotate(self, *arguments):
        answer = self.cli_json("key", "rotate", *arguments)
        self.assertRegex(answer["key"], KEY)
        return answer

    def test_stdout_is_the_key_alone_and_both_keys_stories_are_told(self):
        old, old_id = self.issue("-p", "default", "-n", "ci", "-s", "a:read", "--ttl", "90d")
        result = self.cli("key", "rotate", old_id)
        self.assertRegex(result.out, rf"\A{KEY.pattern}\n\Z")
        self.assertIn("This is the only time", result.err)
        self.assertRegex(result.err, rf"old key +{old_id} works until .* \(in 7 days\)\n")
        self.assertRegex(result.err, r"shortened +no verifier held it")
        self.assertRegex(result.err, rf"replaces +{old_id}\n")
        new = result.out.strip()
        self.assertNotIn(new, result.err)
        for key in (old, new):
            self.cli("verify", "-s", "a:read", stdin=key)
        shown = self.cli("key", "get", old_id).out
        self.assertRegex(shown, r"rotated +\d{4}-")
        self.assertRegex(shown, r"replaced by +[0-9A-Za-z]{16}\n")
        again = self.cli("key", "rotate", old_id, expect=DENIED)
        self.assertIn("KEY_ROTATED", again.err)
        self.assertEqual(again.out, "")

    def test_without_a_grace_the_old_key_is_revoked(self):
        old, old_id = self.issue("-p", "default", "-n", "ci")
        answer = self.rotate(old_id, "--grace", "0")
        self.assertEqual(answer["replaced"]["revokeReason"], "REVOKE_REASON_SUPERSEDED")
        self.assertEqual(answer["info"]["rotatedFrom"], old_id)
        self.assertEqual(self.cli("verify", stdin=old, expect=DENIED).out, "DENIED REVOKED\n")
        self.cli("verify", stdin=answer["key"])

    def test_a_grace_from_the_first_use(self):
        old, old_id = self.issue("-p", "default", "-n", "ci")
        result = self.cli("key", "rotate", old_id, "--grace", "2d", "--from-first-use", COLUMNS="200")
        self.assertRegex(result.err, rf"old key +{old_id} works until the new one is first used, for 2 days more then")
        self.assertNotIn("shortened", result.err)
        self.assertRegex(self.cli("key", "get", old_id).out, r"grace +2 days, from the first use of the new key on\n")
        self.cli("verify", stdin=old)

    def test_the_new_keys_end(self):
        _, old_id = self.issue("-p", "default", "-n", "ci", "--ttl", "90d")
        _, other_id = self.issue("-p", "default", "-n", "ci")
        self.assertEqual(self.rotate(other_id, "--expires", "2040-01-31")["info"]["expireTime"], "2040-01-31T00:00:00Z")
        new_id = self.rotate(old_id, "--ttl", "30d")["info"]["keyId"]
        self.assertIn("(in 30 days)", self.cli("key", "get", new_id).out)

    def test_key_out_and_dry_run(self):
        _, old_id = self.issue("-p", "default", "-n", "ci")
        dry = self.cli("key", "rotate", old_id, "--dry-run")
        self.assertIn("nothing was issued or changed", dry.err)
        self.assertNotRegex(dry.out + dry.err, KEY)
        path = self.folder / "rotated.key"
        result = self.cli("key", "rotate", old_id, "--key-out", str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertNotRegex(result.out + result.err, KEY)
        self.assertIn(f"{old_id} works until", result.out)
        self.cli("verify", "--from", str(path))
        self.cli("key", "rotate", old_id, "--key-out", str(self.folder / "not.key"), expect=DENIED)
        self.assertFalse((self.folder / "not.key").exists())

    def test_same_request_id_gives_the_same_key(self):
        _, old_id = self.issue("-p", "default", "-n", "ci")
        arguments = [old_id, "--request-id", "6a1c7f0e-53a8-4a35-9d4e-0d1f6b0a7c12"]
        self.assertEqual(self.rotate(*arguments)["key"], self.rotate(*arguments)["key"])
        dry = self.cli("key", "rotate", *arguments, "--dry-run", expect=DENIED)
        self.assertIn("REQUEST_ID_REUSED", dry.err)

    def test_bad_arguments(self):
        _, old_id = self.issue("-p", "default", "-n", "ci")
        cases = [
            (["--grace", "soon"], "--grace"),
            (["--grace", "31d"], "grace_period"),
            (["--ttl", "none"], "--ttl"),
            (["--expires", "2001-01-01"], "expire_time"),
            (["--ttl", "1d", "--expires", "2040-01-01"], "--expires"),
        ]
        for arguments, text in cases:
            with self.subTest(arguments=arguments):
                self.assertIn(text, self.cli("key", "rotate", old_id, *arguments, expect=USAGE).err)
        self.assertIn("KEY_NOT_FOUND", self.cli("key", "rotate", NO_KEY_ID, expect=DENIED).err)
        (port,) = support.free_ports(1)
        unreachable = self.cli("key", "rotate", old_id, "--server", f"127.0.0.1:{port}", expect=UNREACHABLE)
        self.assertIn("--request-id", unreachable.err)
        self.assertFalse(self.cli_json("key", "get", old_id)["info"].get("rotatedTo"))


class UpdateTest(CliTestCase):
    def test_prints_what_changed(self):
        _, key_id = self.issue("-p", "default", "-n", "billing", "-l", "team=x", "-l", "trial=1")
        changed = self.cli(
            *["key", "update", key_id, "--name", "billing export", "--owner", "alice", "--description", "why"],
            *["-l", "team=payments", "-l", "tier=2", "--remove-label", "trial", "--metadata", '{"plan":"pro"}'],
        )
        self.assertRegex(changed.out, r"name +billing → billing export\n")
        self.assertRegex(changed.out, r"owner +none → alice\n")
        self.assertRegex(changed.out, r"labels +team=x, trial=1 → team=payments, tier=2\n")
        self.assertNotIn("narrowed", changed.out)
        info = self.cli_json("key", "get", key_id)["info"]
        self.assertEqual(info["labels"], {"team": "payments", "tier": "2"})
        self.assertEqual(info["metadata"], {"plan": "pro"})
        self.assertEqual((info["description"], info["owner"]), ("why", "alice"))
        cleared = self.cli_json("key", "update", key_id, "--owner", "", "--metadata", "{}")["info"]
        self.assertEqual((cleared["owner"], cleared.get("metadata")), ("", None))
        self.assertEqual(cleared["description"], "why")

    def test_addresses_and_end_narrow_and_widen(self):
        key, key_id = self.issue("-p", "default", "-n", "k")
        narrowed = self.cli("key", "update", key_id, "--cidr", "10.0.0.0/8", "--cidr", "2001:db8::/32")
        self.assertRegex(narrowed.out, r"addresses +any → 10.0.0.0/8, 2001:db8::/32\n")
        self.assertRegex(narrowed.out, r"narrowed +no verifier held it \(0 sessions\)\n")
        self.assertIn("ADDRESS_NOT_ALLOWED", self.cli("verify", "--client-ip", "192.0.2.1", stdin=key, expect=DENIED).out)
        widened = self.cli("key", "update", key_id, "--any-address")
        self.assertRegex(widened.out, r"→ any\n")
        self.assertNotIn("narrowed", widened.out)
        ended = self.cli("key", "update", key_id, "--expires", "90d")
        self.assertRegex(ended.out, r"expires +never → \d{4}-")
        self.assertIn("narrowed", ended.out)
        self.assertIn("(in 90 days)", self.cli("key", "get", key_id).out)
        endless = self.cli_json("key", "update", key_id, "--expires", "never")
        self.assertNotIn("expireTime", endless["info"])
        self.assertNotIn("propagation", endless)

    def test_what_is_so_already_and_dry_run_change_nothing(self):
        _, key_id = self.issue("-p", "default", "-n", "same")
        revision = self.cli_json("key", "get", key_id)["info"]["revision"]
        self.assertIn("it was so already", self.cli("key", "update", key_id, "--name", "same").err)
        dry = self.cli("key", "update", key_id, "--name", "other", "--dry-run")
        self.assertIn("nothing was changed (--dry-run)", dry.err)
        self.assertRegex(dry.out, r"name +same → other\n")
        self.assertEqual(self.cli_json("key", "get", key_id)["info"]["revision"], revision)
        self.cli("key", "update", key_id, "--name", "other", "--if-revision", revision)
        stale = self.cli("key", "update", key_id, "--name", "third", "--if-revision", revision, expect=DENIED)
        self.assertIn("STALE_REVISION", stale.err)

    def test_a_caller_who_may_update_and_not_read(self):
        _, key_id = self.issue("-p", "default", "-n", "k")
        updater, _ = self.issue("-p", "claviger", "-n", "updater", "-s", "keys.update")
        changed = self.cli("key", "update", key_id, "--name", "other", CLAVIGER_KEY=updater)
        self.assertRegex(changed.out, r"name +other\n")
        refused = self.cli("key", "update", key_id, "-l", "a=b", CLAVIGER_KEY=updater, expect=DENIED)
        self.assertIn("keys.read", refused.err)

    def test_bad_arguments(self):
        _, key_id = self.issue("-p", "default", "-n", "k")
        cases = [
            ([], "nothing to change"),
            (["--name", ""], "display_name"),
            (["-l", "team"], "--label"),
            (["-l", "team=x", "--remove-label", "team"], "--remove-label"),
            (["--metadata", "[]"], "--metadata"),
            (["--cidr", "10.0.0.1/8"], "key.allowed_cidrs[0]"),
            (["--cidr", "10.0.0.0/8", "--any-address"], "--any-address"),
            (["--expires", "soon"], "--expires"),
            (["--expires", "2001-01-01"], "key.expire_time"),
        ]
        for arguments, text in cases:
            with self.subTest(arguments=arguments):
                self.assertIn(text, self.cli("key", "update", key_id, *arguments, expect=USAGE).err)
        self.assertIn("KEY_NOT_FOUND", self.cli("key", "update", NO_KEY_ID, "--owner", "x", expect=DENIED).err)


class DeleteTest(CliTestCase):
    def test_delete_hides_and_undelete_shows(self):
        _, key_id = self.issue("-p", "default", "-n", "to delete")
        self.assertIn("would be deleted", self.cli("key", "delete", key_id, "--dry-run").out)
        deleted = self.cli("key", "delete", key_id, "--reason", "unused", "--note", "tidying up")
        self.assertRegex(deleted.out, r"^deleted; no verifier held it")
        self.assertNotIn(key_id, self.cli("key", "list", "--all").out)
        self.assertIn(key_id, self.cli("key", "list", "--all", "--state", "deleted").out)
        self.assertRegex(self.cli("key", "get", key_id).out, r"purged +\S+ \(in ")
        self.assertIn("shown again, still revoked", self.cli("key", "undelete", key_id).out)
        info = self.cli_json("key", "get", key_id)["info"]
        self.assertEqual(info["state"], "KEY_STATE_REVOKED")
        self.assertEqual(info["revokeNote"], "tidying up")
        self.assertIn("KEY_NOT_FOUND", self.cli("key", "delete", NO_KEY_ID, expect=DENIED).err)


class RevokeManyTest(CliTestCase):
    def test_counts_then_revokes_what_matches(self):
        ids = [self.issue("-p", "default", "-n", f"bob {i}", "--owner", "bob")[1] for i in range(3)]
        _, other = self.issue("-p", "default", "-n", "alice", "--owner", "alice")
        self.cli("key", "revoke", ids[0])
        dry = self.cli("key", "revoke", "--owner", "bob", "--dry-run")
        self.assertEqual(dry.out, "2 keys would be revoked, 1 was before\n")
        refused = self.cli("key", "revoke", "--owner", "bob", expect=USAGE)
        self.assertIn("--yes", refused.err)
        few = self.cli("key", "revoke", "--owner", "bob", "--max-keys", "2", "--yes", expect=DENIED)
        self.assertIn("TOO_MANY_KEYS", few.err)
        self.assertEqual(self.cli_json("key", "get", ids[1])["info"]["state"], "KEY_STATE_ACTIVE")
        done = self.cli("key", "revoke", "--owner", "bob", "--yes", "--reason", "owner-left")
        self.assertEqual(done.out, "2 keys revoked, 1 was before; no verifier held it (0 sessions)\n")
        for key_id in ids:
            self.assertEqual(self.cli_json("key", "get", key_id)["info"]["state"], "KEY_STATE_REVOKED")
        self.assertEqual(self.cli_json("key", "get", other)["info"]["state"], "KEY_STATE_ACTIVE")
        again = self.cli_json("key", "revoke", "--owner", "bob", "--yes")
        self.assertEqual(again["alreadyRevokedCount"], "3")

    def test_ids_and_filters_exclude_each_other(self):
        _, key_id = self.issue("-p", "default", "-n", "a")
        for arguments in ((), (key_id, "--owner", "bob")):
            self.assertIn("either key ids or a filter", self.cli("key", "revoke", *arguments, expect=USAGE).err)

    def test_on_a_terminal_it_asks(self):
        _, key_id = self.issue("-p", "default", "-n", "carol", "--owner", "carol")
        for answer, code, state in (("n", DENIED, "ACTIVE"), ("y", OK, "REVOKED")):
            output = self.on_terminal(answer, code, "key", "revoke", "--owner", "carol")
            self.assertIn("Revoke 1 key for good? [y/N]", output)
            self.assertEqual(self.cli_json("key", "get", key_id)["info"]["state"], f"KEY_STATE_{state}")

    def on_terminal(self, answer, code, *arguments):
        """What the command prints on a terminal on which somebody types the answer."""
        ours, theirs = pty.openpty()
        variables = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address}
        command = [support.binary("claviger"), *arguments]
        with subprocess.Popen(
            command, cwd=self.folder, env=variables, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            os.close(theirs)
            os.write(ours, f"{answer}\n".encode())
            output = process.communicate(timeout=RUN_SECONDS)[0].decode()
        os.close(ours)
        self.assertEqual(process.returncode, code, output)
        return output


class DeleteProjectTest(CliTestCase):
    def test_a_project_goes_with_its_keys(self):
        self.cli("project", "create", "doomed")
        key, key_id = self.issue("-p", "doomed", "-n", "a")
        self.assertIn("PROJECT_NOT_EMPTY", self.cli("project", "delete", "doomed", expect=DENIED).err)
        self.assertIn("--yes", self.cli("project", "delete", "doomed", "--revoke-keys", expect=USAGE).err)
        self.cli("verify", stdin=key)
        self.assertIn("would be", self.cli("project", "delete", "doomed", "--revoke-keys", "--dry-run").out)
        deleted = self.cli("project", "delete", "doomed", "--revoke-keys", "--yes")
        self.assertEqual(deleted.out, "deleted; no verifier held it (0 sessions)\n")
        self.assertIn("REVOKED", self.cli("verify", stdin=key, expect=DENIED).out.upper())
        self.assertIn("PROJECT_NOT_FOUND", self.cli("project", "get", "doomed", expect=DENIED).err)
        self.assertIn("is being deleted", self.cli("project", "create", "doomed", expect=DENIED).err)
        self.assertIn(self.cli_json("key", "get", key_id)["info"]["state"], ("KEY_STATE_REVOKED", "KEY_STATE_DELETED"))


class VerifyTest(CliTestCase):
    def test_codes_and_exit_codes(self):
        key, _ = self.issue("-p", "default", "-n", "a", "-s", "a:read", "--cidr", "10.0.0.0/8")
        inside = ["--client-ip", "10.1.2.3"]
        self.cli("verify", "-p", "default", "--any-scope", "a:read", "--any-scope", "b:read", *inside, stdin=key + "\n")
        cases = [
            (["-s", "b:read", *inside], key, "INSUFFICIENT_SCOPE"),
            (["--client-ip", "192.0.2.1"], key, "ADDRESS_NOT_ALLOWED"),
            (["-p", "claviger", *inside], key, "NOT_FOUND"),
            (inside, key[:-1] + ("0" if key[-1] != "0" else "1"), "NOT_FOUND"),
            (inside, "not a key", "NOT_FOUND"),
        ]
        for arguments, text, code in cases:
            with self.subTest(code=code, arguments=arguments):
                denied = self.cli("verify", *arguments, stdin=text, expect=DENIED)
                self.assertTrue(denied.out.startswith(f"DENIED {code}"), denied)
                answer = self.cli_json("verify", *arguments, stdin=text, expect=DENIED)
                self.assertEqual(answer["code"], f"VERIFY_CODE_{code}")
                self.assertFalse(answer["valid"])

    def test_explain_and_quiet(self):
        key, _ = self.issue("-p", "default", "-n", "a")
        self.assertGreater(len(self.cli("verify", "--explain", stdin=key).out.splitlines()[1]), 10)
        self.assertEqual(self.cli("verify", "-q", stdin=key).out, "")
        self.assertEqual(self.cli("verify", "-q", "-s", "x", stdin=key, expect=DENIED).out, "")

    def test_bad_input(self):
        key, _ = self.issue("-p", "default", "-n", "a")
        self.assertIn("empty", self.cli("verify", stdin="", expect=USAGE).err)
        self.assertIn("longer than", self.cli("verify", stdin="x" * 5000, expect=USAGE).err)
        self.assertIn("cannot open", self.cli("verify", "--from", "missing.key", expect=USAGE).err)
        self.assertIn("client_ip", self.cli("verify", "--client-ip", "here", stdin=key, expect=USAGE).err)
        self.assertIn("required_scopes", self.cli("verify", "-s", "a b", stdin=key, expect=USAGE).err)


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


class WatchProcess:
    """`claviger watch` in the background, its output in files."""

    def __init__(self, test, *arguments):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="watch-", dir=test.folder))
        variables = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": test.server.address}
        with open(self.folder / "out", "wb") as out, open(self.folder / "err", "wb") as err:
            self.process = subprocess.Popen(
                [support.binary("claviger"), "watch", *arguments], cwd=test.folder, env=variables, stdout=out, stderr=err
            )
        test.addCleanup(self._kill)
        self.wait_for(lambda: "watching" in self.err, "the watch to begin")

    def _kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def out(self):
        return (self.folder / "out").read_text(encoding="utf-8")

    @property
    def err(self):
        return (self.folder / "err").read_text(encoding="utf-8")

    def wait_for(self, condition, what):
        support.wait_until(condition, support.START_SECONDS, what, alive=lambda: self.process.poll() is None)

    def wait_for_line(self, pattern):
        self.wait_for(lambda: re.search(pattern, self.out, re.MULTILINE), f"{pattern!r} in {self.out!r} {self.err!r}")

    def end(self, number):
        """The exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=RUN_SECONDS)


class WatchTest(CliTestCase):
    TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

    def test_shows_a_revoke_as_it_happens_and_ends_by_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            watch = WatchProcess(self)
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
        watch = WatchProcess(self, "-p", "seen", "-o", "json")
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
        watch = WatchProcess(self)
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
                watch = WatchProcess(self, *arguments)
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
        watch = WatchProcess(self)
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
