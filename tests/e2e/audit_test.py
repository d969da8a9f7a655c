#!/usr/bin/env python3
"""`claviger audit` against a real server, and exports that somebody has changed."""

import base64
import datetime
import hashlib
import json
import os
import re
import signal
import stat
import struct
import unittest

import cli_support
from cli_support import DENIED, OK, USAGE

HEAD = re.compile(r"head (\d+:[0-9a-f]{64})")


def hash_of(entry):
    """The hash of an exported entry, worked out from docs/storage-format.md alone."""
    seconds, _, fraction = entry["time"].rstrip("Z").partition(".")
    whole = int(datetime.datetime.fromisoformat(seconds + "+00:00").timestamp())
    nanoseconds = whole * 10**9 + int((fraction or "0").ljust(9, "0"))
    text = b"claviger.audit.v1\0" + struct.pack(">Qq", int(entry["revision"]), nanoseconds)
    for field in ("actor", "peer", "action", "projectId", "keyId", "detail", "refusal"):
        value = entry[field].encode()
        text += struct.pack(">I", len(value)) + value
    return hashlib.sha256(text + base64.b64decode(entry["previousHash"])).digest()


class AuditTest(cli_support.CliTestCase):
    def denied(self):
        """A refused call by a caller who may do nothing."""
        nobody, nobody_id = self.issue("-p", "claviger", "-n", "nobody")
        self.cli("key", "list", expect=DENIED, CLAVIGER_KEY=nobody)
        return nobody_id

    def test_list_shows_who_did_what(self):
        self.cli("project", "create", "listed")
        _, key_id = self.issue("-p", "listed", "-n", "a key")
        self.cli("key", "revoke", key_id)
        nobody_id = self.denied()
        self.issue("-p", "default", "-n", "behind the refused call")
        shown = self.cli("audit", "list", "-p", "listed", COLUMNS="160")
        actions = [line.split()[2] for line in shown.out.splitlines()[1:]]
        self.assertEqual(actions, ["RevokeKey", "IssueKey", "CreateProject"])
        self.assertIn("127.0.0.1", shown.out)
        oldest = self.cli_json("audit", "list", "--key", key_id, "--oldest-first")
        self.assertEqual([event["action"] for event in oldest["events"]], ["IssueKey", "RevokeKey"])
        refused = self.cli_json("audit", "list", "--refused", "--actor", f"key:{nobody_id}")["events"]
        self.assertEqual([(event["action"], event["refusal"]) for event in refused], [("ListKeys", "PERMISSION_DENIED")])
        one = self.cli("audit", "list", "--limit", "1")
        token = re.search(r"--page-token (\S+)", one.err).group(1)
        self.assertEqual(len(self.cli("audit", "list", "--limit", "1", "--page-token", token).out.splitlines()), 2)
        self.assertIn("no entries match", self.cli("audit", "list", "--until", "7d").err)
        self.assertGreater(len(self.cli_json("audit", "list", "--since", "7d", "--all")["events"]), 5)

    def test_nothing_is_cut_for_a_pipe(self):
        self.cli("project", "create", "copied-from-a-list-that-nobody-looks-at")
        shown = self.cli("audit", "list", "-p", "copied-from-a-list-that-nobody-looks-at").out
        self.assertNotIn("…", shown)
        header, line = shown.splitlines()
        self.assertEqual(header.split()[3:], ["RESULT", "ACTOR", "PROJECT", "KEY", "PEER"])
        actor = self.cli_json("audit", "list", "--limit", "1")["events"][0]["actor"]
        self.assertIn(f" {actor} ", line)

    def test_bad_arguments_are_named(self):
        self.assertIn("--since", self.cli("audit", "list", "--since", "soon", expect=USAGE).err)
        self.assertIn("key_id", self.cli("audit", "list", "--key", "nope", expect=USAGE).err)
        self.assertIn("--head", self.cli("audit", "verify", "--head", "12", expect=USAGE).err)
        self.assertIn("REVISION:HASH", self.cli("audit", "verify", "--head", "", expect=USAGE).err)
        self.assertIn("after_revision", self.cli("audit", "tail", "--after", "99999999", expect=USAGE).err)
        self.assertIn("missing", self.cli("audit", "verify", "missing", expect=USAGE).err)

    def test_who_may_not_read_it_is_told_so_and_recorded(self):
        reader, reader_id = self.issue("-p", "claviger", "-n", "reader", "-s", "keys.read")
        for arguments in (["list"], ["tail"], ["export"], ["verify"]):
            refused = self.cli("audit", *arguments, expect=DENIED, CLAVIGER_KEY=reader)
            self.assertIn("audit.read", refused.err)
            self.assertEqual(refused.out, "")
        self.issue("-p", "default", "-n", "behind the refused calls")
        events = self.cli_json("audit", "list", "--refused", "--actor", f"key:{reader_id}")["events"]
        self.assertEqual(len(events), 4)

    def test_tail_goes_on_over_a_restart(self):
        self.cli("project", "create", "followed")
        tail = cli_support.Following(self, "following", "audit", "tail", "-p", "followed", "-o", "json")
        _, before = self.issue("-p", "followed", "-n", "before")
        tail.wait_for_line(before)
        self.server.stop()
        tail.wait_for(lambda: "not connected" in tail.err, "the tail to miss its server")
        self.server.start_again()
        _, after = self.issue("-p", "followed", "-n", "after")
        tail.wait_for_line(after)
        self.assertIn("connected again", tail.err)
        self.assertEqual(tail.end(signal.SIGINT), OK)
        self.assertEqual([json.loads(line)["keyId"] for line in tail.out.splitlines()], [before, after])

    def test_tail_begins_where_it_is_told(self):
        tail = cli_support.Following(self, "following", "audit", "tail", "--after", "0")
        tail.wait_for_line("Bootstrap")
        self.assertTrue(tail.out.startswith("TIME "), tail.out)
        self.assertEqual(tail.end(signal.SIGTERM), OK)


class ExportTest(cli_support.CliTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(5):
            key = ["key", "issue", "-p", "default", "-n", f"key {number}"]
            cli_support.run_cli(cls.folder, cls.server.address, key)
        result = cli_support.run_cli(cls.folder, cls.server.address, ["audit", "export", "--out", "whole.jsonl"])
        cls.head = HEAD.search(result.err).group(1)
        cls.lines = (cls.folder / "whole.jsonl").read_text(encoding="utf-8").splitlines()

    def verify(self, lines, *arguments, expect):
        """What is said of these lines. There is no server to ask."""
        (self.folder / "changed.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        result = cli_support.run_cli(self.folder, "127.0.0.1:1", ["audit", "verify", "changed.jsonl", *arguments])
        self.assertEqual(result.code, expect, result)
        return result.out

    def test_an_export_is_private_and_whole(self):
        mode = stat.S_IMODE(os.stat(self.folder / "whole.jsonl").st_mode)
        self.assertEqual(mode, 0o600)
        self.assertFalse((self.folder / "whole.jsonl.partial").exists())
        self.assertIn(f"WHOLE: {len(self.lines) - 1} entries", self.verify(self.lines, expect=OK))
        self.assertIn(self.head, self.verify(self.lines, "--head", self.head, expect=OK))
        piped = self.cli("audit", "verify", "-", stdin="\n".join(self.lines) + "\n")
        self.assertIn("WHOLE", piped.out)
        self.assertEqual(self.cli("audit", "export").out.splitlines()[0], self.lines[0])

    def test_the_servers_log_is_verified(self):
        self.assertIn("WHOLE", self.cli("audit", "verify", "--head", self.head).out)
        verdict = self.cli_json("audit", "verify")
        self.assertTrue(verdict["whole"])
        self.assertRegex(verdict["head"], r"^\d+:[0-9a-f]{64}$")
        other = self.head[:-1] + ("0" if self.head[-1] != "0" else "1")
        self.assertIn("not the one that was kept", self.cli("audit", "verify", "--head", other, expect=DENIED).out)

    def test_another_program_comes_to_the_same_hashes(self):
        previous = bytes(32)
        for line in self.lines[:-1]:
            entry = json.loads(line)
            self.assertEqual(base64.b64decode(entry["previousHash"]), previous)
            previous = hash_of(entry)
            self.assertEqual(base64.b64decode(entry["hash"]), previous, line)
        self.assertEqual(base64.b64decode(json.loads(self.lines[-1])["headHash"]), previous)

    def test_an_edited_entry_is_named(self):
        for number in range(len(self.lines) - 1):
            entry = json.loads(self.lines[number])
            for field in ("actor", "peer", "action", "projectId", "keyId", "detail", "refusal"):
                changed = json.dumps({**entry, field: entry[field] + "x"})
                lines = self.lines[:number] + [changed] + self.lines[number + 1 :]
                found = self.verify(lines, expect=DENIED)
                self.assertIn(f"BROKEN: revision {number + 1}: the entry was edited", found)

    def test_a_missing_entry_is_named(self):
        for number in range(len(self.lines) - 1):
            found = self.verify(self.lines[:number] + self.lines[number + 1 :], expect=DENIED)
            self.assertIn(f"BROKEN: revision {number + 1}: ", found)
        self.assertIn("cut off", self.verify(self.lines[:-1], expect=DENIED))
        self.assertIn("cut off", self.verify(self.lines[:2], expect=DENIED))

    def test_a_swap_is_named(self):
        for number in range(len(self.lines) - 2):
            lines = list(self.lines)
            lines[number], lines[number + 1] = lines[number + 1], lines[number]
            found = self.verify(lines, expect=DENIED)
            self.assertIn(f"BROKEN: revision {number + 1}: entries are out of order", found)

    def test_a_log_that_was_made_anew_is_found_by_a_kept_head(self):
        lines, previous = [], bytes(32)
        for line in self.lines[:-1]:
            entry = {**json.loads(line), "actor": "system", "previousHash": base64.b64encode(previous).decode()}
            previous = hash_of(entry)
            lines.append(json.dumps({**entry, "hash": base64.b64encode(previous).decode()}))
        lines.append(json.dumps({"headRevision": str(len(lines)), "headHash": base64.b64encode(previous).decode()}))
        self.assertIn("WHOLE", self.verify(lines, expect=OK))
        self.assertIn("not the one that was kept", self.verify(lines, "--head", self.head, expect=DENIED))

    def test_a_bound_callers_export_is_not_verified(self):
        self.cli("project", "create", "mine")
        self.issue("-p", "mine", "-n", "mine")
        reader, _ = self.issue("-p", "claviger", "-n", "reader", "-s", "audit.read", "--bind-project", "mine")
        partial = self.cli("audit", "export", CLAVIGER_KEY=reader)
        self.assertIn("cannot be verified", partial.err)
        lines = partial.out.splitlines()
        self.assertEqual({json.loads(line)["projectId"] for line in lines[:-1]}, {"mine"})
        found = self.verify(lines, expect=USAGE)
        self.assertIn("NOT VERIFIED: it was read by a caller that is bound to projects", found)
        self.assertIn("NOT VERIFIED", self.cli("audit", "verify", expect=USAGE, CLAVIGER_KEY=reader).out)


if __name__ == "__main__":
    unittest.main()
