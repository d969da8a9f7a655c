#!/usr/bin/env python3
"""The command line against a real server: everything that changes, ends or replaces keys and projects."""

import os
import pty
import re
import stat
import subprocess
import unittest

import support
from cli_support import DENIED, KEY, NO_KEY_ID, OK, RUN_SECONDS, UNREACHABLE, USAGE, CliTestCase


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

    def test_to_lengthen_a_replaced_keys_life_is_warned_of(self):
        _, old_id = self.issue("-p", "default", "-n", "ci")
        answer = self.rotate(old_id, "--grace", "2d")
        new_id, end = answer["info"]["keyId"], self.cli_json("key", "get", old_id)["info"]["expireTime"][:19] + "Z"
        warning = f"warning: {old_id} was replaced by {new_id}, and was to end at {end}: it"
        dry = self.cli("key", "update", old_id, "--expires", "never", "--dry-run")
        self.assertIn(f"{warning} would go on without an end", dry.err)
        self.assertNotIn("warning", self.cli("key", "update", old_id, "--expires", "1d").err)
        self.cli("key", "update", old_id, "--name", "still the same end")
        told = self.cli("key", "update", old_id, "--expires", "never")
        self.assertRegex(told.err, f"warning: {old_id} was replaced by {new_id}, and was to end at .*Z: it goes on without an end")
        undo = re.search(r"to undo: claviger (.*)\n", told.err).group(1).split()
        self.assertNotIn("warning", self.cli(*undo).err)
        self.assertIn("expireTime", self.cli_json("key", "get", old_id)["info"])
        self.assertNotIn("warning", self.cli("key", "update", new_id, "--expires", "never").err)

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
        few = self.cli("key", "revoke", "--owner", "bob", "--max-keys", "1", "--yes", expect=DENIED)
        self.assertIn("TOO_MANY_KEYS", few.err)
        self.assertEqual(self.cli_json("key", "get", ids[1])["info"]["state"], "KEY_STATE_ACTIVE")
        done = self.cli("key", "revoke", "--owner", "bob", "--yes", "--reason", "owner-left")
        self.assertEqual(done.out, "2 keys revoked, 1 was before; no verifier held it (0 sessions)\n")
        for key_id in ids:
            self.assertEqual(self.cli_json("key", "get", key_id)["info"]["state"], "KEY_STATE_REVOKED")
        self.assertEqual(self.cli_json("key", "get", other)["info"]["state"], "KEY_STATE_ACTIVE")
        again = self.cli_json("key", "revoke", "--owner", "bob", "--yes")
        self.assertEqual(again["alreadyRevokedCount"], "3")

    def test_where_nothing_matches_it_says_so_and_does_not_end_well(self):
        """A project's name that was mistyped ended with 0, as if all its keys were revoked."""
        for arguments in (("-p", "nope"), ("--owner", "nobody-at-all")):
            for more in (("--yes",), ("--dry-run",), ()):
                with self.subTest(arguments=arguments, more=more):
                    told = self.cli("key", "revoke", *arguments, *more, expect=DENIED)
                    self.assertIn("no key matches: nothing was changed", told.err)
                    self.assertEqual(told.out, "")
        self.assertIn("is nope a project", self.cli("key", "revoke", "-p", "nope", "--yes", expect=DENIED).err)
        answer = self.cli("key", "revoke", "-p", "nope", "--yes", "-o", "json", expect=DENIED)
        self.assertEqual(answer.json["matchedCount"], "0")

    def test_a_dry_run_names_what_would_be_refused(self):
        told = self.cli("key", "revoke", "-p", "claviger", "--dry-run", expect=DENIED)
        self.assertEqual(told.out, "0 keys would be revoked\n")
        self.assertIn("1 key not revoked:", told.err)
        self.assertIn("LAST_ADMIN_KEY", told.err)

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


if __name__ == "__main__":
    unittest.main()
