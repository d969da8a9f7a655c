#!/usr/bin/env python3
"""The command line against a real server: projects, keys, lists and checks, with their output, exit codes and bad input."""

import stat
import unittest

from cli_support import DENIED, KEY, USAGE, CliTestCase


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


if __name__ == "__main__":
    unittest.main()
