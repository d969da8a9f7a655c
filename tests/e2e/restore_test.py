#!/usr/bin/env python3
"""`clavigerd restore` over the real programs: a store is lost, restored, and served again; refusals; killed at any moment and run again."""

import os
import random
import re
import shutil
import subprocess
import time
import unittest

import cli_support
import support
from cli_support import OK

FAILED, USAGE = 1, 2
RESTORE_SECONDS = 120
KILLS = 25


class RestoreTest(support.ServerTestCase):
    def setUp(self):
        super().setUp()
        self.data = self.server.data
        self.old = self.folder / "data.old"
        self.pepper = self.folder / "pepper"
        shutil.copy(self.data / "pepper", self.pepper)

    def cli(self, *arguments, expect=OK):
        result = cli_support.run_cli(self.folder, self.server.address, arguments, CLAVIGER_KEY=self.server.root_key())
        self.assertEqual(result.code, expect, f"{arguments}: {result}")
        return result

    def issue(self, name, *more):
        """The id of a new key, and the key."""
        issued = self.cli("key", "issue", "-p", "default", "--name", name, "-o", "json", *more).json
        return issued["info"]["keyId"], issued["key"]

    def code_of(self, key):
        """What a check of the key answers."""
        result = cli_support.run_cli(
            self.folder, self.server.address, ["verify", "-o", "json"], stdin=key, CLAVIGER_KEY=self.server.root_key()
        )
        return result.json["code"].removeprefix("VERIFY_CODE_")

    def back_up(self):
        backup = self.folder / "claviger.backup"
        self.cli("backup", str(backup))
        return backup

    def export(self):
        log = self.folder / "audit.jsonl"
        self.cli("audit", "export", "--out", str(log))
        return log

    def lose_the_store(self):
        self.server.process.kill()
        self.data.rename(self.old)

    def command(self, *arguments, data=None):
        return [
            support.binary("clavigerd"),
            "restore",
            *map(str, arguments),
            "--data",
            str(data or self.data),
            "--pepper-file",
            str(self.pepper),
        ]

    def restore(self, *arguments, expect=OK, data=None, stdin=None):
        run = subprocess.run(
            self.command(*arguments, data=data),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RESTORE_SECONDS,
            check=False,
        )
        self.assertEqual(run.returncode, expect, run.stdout + run.stderr)
        return run

    def start_again(self):
        """On what was restored; the pepper is where trial mode looks for it."""
        shutil.copy(self.pepper, self.data / "pepper")
        if not (self.data / "root.key").exists():
            shutil.copy(self.old / "root.key", self.data / "root.key")
        self.server.start()

    def test_a_report_that_cannot_be_written_is_an_error(self):
        backup = self.back_up()
        log = self.export()
        self.lose_the_store()
        with open("/dev/full", "wb") as full:
            run = subprocess.run(
                self.command(backup, "--audit-export", log),
                stdin=subprocess.DEVNULL,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=RESTORE_SECONDS,
                check=False,
            )
        self.assertEqual(run.returncode, FAILED, run.stderr)
        self.assertIn("the restore is complete", run.stderr)
        self.start_again()

    def test_a_lost_store_is_restored_and_what_was_revoked_since_stays_revoked(self):
        kept_id, kept = self.issue("kept")
        revoked_id, revoked = self.issue("revoked")
        backup = self.back_up()
        self.cli("key", "revoke", revoked_id)
        lost_id, lost = self.issue("lost")
        log = self.export()
        self.lose_the_store()

        refused = self.restore(backup, expect=FAILED)
        self.assertIn("--audit-export", refused.stderr)
        self.assertFalse(self.data.exists())
        trial = self.restore(backup, "--audit-export", log, "--dry-run")
        self.assertIn("nothing was changed", trial.stdout)
        self.assertFalse(self.data.exists())

        done = self.restore(backup, "--audit-export", log)
        self.assertEqual(done.stderr, "")
        old, new = re.search(r"epoch +(\w{32}) -> (\w{32})", done.stdout).groups()
        self.assertNotEqual(old, new)
        self.assertRegex(done.stdout, rf"key {revoked_id} of default: revoked")
        self.assertRegex(done.stdout, rf"key {lost_id} of default \(revision")
        self.assertNotIn(kept_id, done.stdout)
        self.assertEqual((self.data / "db").stat().st_mode & 0o777, 0o700)
        self.assertFalse((self.data / "restoring").exists())

        self.start_again()
        self.assertEqual([self.code_of(key) for key in (kept, revoked, lost)], ["VALID", "REVOKED", "NOT_FOUND"])
        self.cli("audit", "verify")
        entries = self.cli("audit", "list", "--action", "RestoreBackup", "-o", "json").out
        self.assertIn(new, entries)
        self.server.stop()
        self.server.start()
        self.assertEqual(self.code_of(kept), "VALID")

        # The store that is there is not replaced, whether or not a server runs on it.
        running = self.restore(backup, "--audit-export", log, expect=FAILED)
        self.assertIn("in use by another clavigerd", running.stderr)
        self.server.stop()
        there = self.restore(backup, "--audit-export", log, expect=FAILED)
        self.assertIn("is not empty", there.stderr)
        self.server.start()
        self.assertEqual(self.code_of(kept), "VALID")

    def test_from_standard_input_and_by_who_knows_that_nothing_is_revoked_again(self):
        revoked_id, revoked = self.issue("revoked")
        backup = self.back_up()
        self.cli("key", "revoke", revoked_id)
        self.lose_the_store()
        with open(backup, "rb") as stream:
            done = self.restore("-", "--accept-older-state", stdin=stream)
        self.assertIn("no audit export was given", done.stdout)
        self.start_again()
        self.assertEqual(self.code_of(revoked), "VALID")

    def test_command_lines_that_are_none(self):
        self.restore(expect=USAGE)
        self.restore("a", "b", expect=USAGE)
        run = subprocess.run(
            [support.binary("clavigerd"), "restore", "x", "--data", str(self.folder / "new")],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=RESTORE_SECONDS,
            check=False,
        )
        self.assertEqual(run.returncode, USAGE)
        self.assertIn("--pepper-file", run.stderr)
        missing = self.restore(self.folder / "nowhere", data=self.folder / "new", expect=FAILED)
        self.assertIn("nowhere", missing.stderr)

    def test_killed_at_any_moment_it_is_run_again(self):
        """What is there after each kill is no store that could be taken for whole; the last run ends with the right one."""
        keys = [self.issue(f"key {number}") for number in range(5)]
        backup = self.back_up()
        self.cli("key", "revoke", keys[0][0])
        log = self.export()
        self.lose_the_store()
        start = time.monotonic()
        trial = self.folder / "trial"
        self.restore(backup, "--audit-export", log, data=trial)
        took = time.monotonic() - start
        draw = random.Random(20300101)
        seen = set()
        for _ in range(KILLS):
            process = subprocess.Popen(
                self.command(backup, "--audit-export", log), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            try:
                process.wait(draw.uniform(0, 1.1 * took))
            except subprocess.TimeoutExpired:
                process.kill()
            process.stderr.close()
            code = process.wait()
            restoring = self.data / "restoring"
            if code == 0:
                seen.add("done")
                self.assertFalse(restoring.exists())
                shutil.rmtree(self.data)
            elif restoring.exists() and not self.only_the_last_step_is_missing():
                # No server comes up beside it, and none begins anew.
                seen.add("complete" if (restoring / "complete").exists() else "begun")
                self.refuse_to_serve()
            elif (self.data / "watermark").exists():
                # Killed behind its last change, or before the empty folder went: a store that is whole.
                self.assertTrue((self.data / "db" / "CURRENT").exists())
                shutil.rmtree(self.data)
            else:
                seen.add("nothing")
                self.assertFalse((self.data / "db" / "CURRENT").exists())
        self.assertIn("begun", seen)
        self.restore(backup, "--audit-export", log)
        self.start_again()
        codes = [self.code_of(key) for _, key in keys]
        self.assertEqual(codes, ["REVOKED"] + ["VALID"] * (len(keys) - 1))
        self.cli("audit", "verify")

    def only_the_last_step_is_missing(self):
        """Whether the folder of the restore is there, with nothing in it, beside the store: a start removes it and serves."""
        return not list((self.data / "restoring").iterdir()) and (self.data / "db" / "CURRENT").exists()

    def refuse_to_serve(self):
        run = subprocess.run(
            [support.binary("clavigerd"), "--insecure", "--listen", "127.0.0.1:0", "--http-listen", "off"]
            + ["--data", str(self.data), "--pepper-file", str(self.pepper)],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=RESTORE_SECONDS,
            check=False,
        )
        self.assertEqual(run.returncode, FAILED, run.stderr)
        self.assertIn("clavigerd restore", run.stderr)


if __name__ == "__main__":
    unittest.main()
