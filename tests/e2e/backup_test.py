#!/usr/bin/env python3
"""Backups of the real server by the real command, while it works and when something breaks."""

import contextlib
import json
import os
import pathlib
import pty
import random
import re
import select
import shlex
import signal
import stat
import string
import subprocess
import threading
import unittest

import cli_support
import support
from tap import Tap

support.require_stubs()

OK, DENIED, USAGE, UNREACHABLE = range(4)
PATIENCE_SECONDS = 60
NO_BACKUP = "nothing was left behind: there is no backup"


class BackupTest(support.ServerTestCase):
    def setUp(self):
        super().setUp()
        self.key = self.server.root_key()
        self.stubs = support.Stubs(self.server.address, self.key)
        self.addCleanup(self.stubs.close)
        self.checkpoint = self.server.data / "backup"

    def cli(self, *arguments, expect=OK, address=None, stdin=None, **environment):
        result = cli_support.run_cli(self.folder, address or self.server.address, arguments, stdin, **environment)
        self.assertEqual(result.code, expect, f"{arguments}: {result}")
        return result

    def popen(self, *arguments, address=None, **pipes):
        """The command under way; it is killed with the test."""
        variables = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": address or self.server.address}
        process = subprocess.Popen([support.binary("claviger"), *arguments], cwd=self.folder, env=variables, **pipes)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def backup(self, name="backup"):
        """What a new backup has."""
        return self.cli("backup", name, "-o", "json").json

    def next_backup(self, expect=OK, address=None):
        """The result of one more, once the server has heard that the one before is over."""

        def run():
            result = cli_support.run_cli(self.folder, address or self.server.address, ["backup", "backup"])
            return None if "OVERLOADED" in result.err else result

        result = support.wait_until(run, PATIENCE_SECONDS, "the next backup")
        self.assertEqual(result.code, expect, result)
        return result

    def issue(self, **fields):
        request = self.stubs.authority.IssueKeyRequest(project_id="default", display_name="a key", **fields)
        return self.stubs.call("IssueKey", request)

    def make_large(self):
        """More than gRPC lets be on its way unread, which are 4 MiB to begin with, with what the kernel holds beside."""
        letters = random.Random(1)
        for _ in range(10):
            request = self.stubs.imports.ImportKeysRequest(project_id="default")
            for _ in range(300):
                texts = ["".join(letters.choices(string.ascii_letters, k=60)) for _ in range(45)]
                key = request.keys.add(sha256=letters.randbytes(32).hex(), display_name="a key")
                key.description = " ".join(texts[:16])
                key.labels.update({f"l{n}": text for n, text in enumerate(texts[16:])})
            self.assertEqual(self.stubs.call("ImportKeys", request).imported_count, 300)

    def hold(self):
        """A way to the server on which a large backup stops: early, before gRPC lets so much be on its way unread."""
        return Tap(self, self.server.address, 8_000, holds=True)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir() if path.name.startswith("backup"))

    def wait_until(self, condition, what):
        support.wait_until(condition, PATIENCE_SECONDS, what)

    def wait_until_over(self):
        """Until the server has given back what the backup under way took."""
        self.wait_until(lambda: not self.checkpoint.exists(), "the checkpoint to go")

    def test_under_load_each_has_what_was_answered_before_and_no_check_fails(self):
        stop = threading.Event()
        answered, failures, checks = [0], [], [0]
        lock = threading.Lock()
        good = self.issue().key

        def change():
            while not stop.is_set():
                issued = self.issue()
                request = self.stubs.authority.RevokeKeyRequest(key_id=issued.info.key_id)
                revision = self.stubs.call("RevokeKey", request).propagation.revision
                with lock:
                    answered[0] = max(answered[0], revision)

        def check():
            while not stop.is_set():
                answer = self.stubs.call("Verify", self.stubs.verifier.VerifyRequest(key=good))
                if not answer.valid:
                    raise AssertionError(answer)
                with lock:
                    checks[0] += 1

        def run(work):
            try:
                work()
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=run, args=(work,)) for work in [change] * 4 + [check] * 2]
        for thread in threads:
            thread.start()
        taken = []
        try:
            for number in range(10):
                before, checked = answered[0], checks[0]
                header = self.backup(f"backup{number}")
                self.assertGreaterEqual(int(header["revision"]), before)
                taken.append((int(header["revision"]), header["auditHash"]))
                self.wait_until(
                    lambda: failures or (answered[0] > before and checks[0] > checked), "changes and checks to go on"
                )
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        # Each is a state of this very history: its hash stands for every entry up to its revision.
        lines = self.cli("audit", "export").out.splitlines()
        hashes = {}
        for line in map(json.loads, lines):
            if "action" in line:
                hashes[int(line["revision"])] = line["hash"]
        for number, (revision, audit_hash) in enumerate(taken):
            self.assertEqual(hashes[revision], audit_hash, revision)
            shown = self.cli("backup", "show", f"backup{number}", "-o", "json").json
            self.assertEqual(int(shown["revision"]), revision)
            size = (self.folder / f"backup{number}").stat().st_size
            self.assertEqual(int(shown["sizeBytes"]), size)
        self.assertEqual(self.server.metric('claviger_backups_total{outcome="completed"}'), 10)
        self.assertEqual(self.server.metric("claviger_backup_last_success_bytes"), size)

    def test_the_file_is_its_owners_and_is_overwritten_only_with_force(self):
        shown = self.cli("backup", "backup")
        path = self.folder / "backup"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for words in (r"revision +\d+", r"epoch +[0-9a-f]{32}", r"head +\d+:[0-9a-f]{64}", r"size +[0-9.]+ KiB"):
            self.assertRegex(shown.out, words)
        self.assertIn("took ", shown.err)
        self.assertIn("pepper", shown.err)
        first = path.read_bytes()
        again = self.cli("backup", "backup", expect=USAGE)
        self.assertIn("--force", again.err)
        self.assertEqual(path.read_bytes(), first)
        self.issue()
        self.cli("backup", "--force", "backup")
        self.assertNotEqual(path.read_bytes(), first)
        # What a killed one left is no obstacle, and no folder is made.
        (self.folder / "backup2.partial").write_bytes(b"left")
        self.cli("backup", "backup2")
        self.assertIn("none/b.partial", self.cli("backup", "none/b", expect=USAGE).err)
        self.assertEqual(self.names(), ["backup", "backup2"])

    def test_standard_output(self):
        pipe = self.popen("backup", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = pipe.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(pipe.returncode, OK, err)
        self.assertRegex(err.decode(), r"^backup of revision \d+ of epoch [0-9a-f]{32}: [0-9.]+ KiB, took ")
        (self.folder / "backup").write_bytes(out)
        with open(self.folder / "backup", "rb") as file:
            show = self.popen("backup", "show", "-", stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            shown, _ = show.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(show.returncode, OK)
        self.assertIn(b"revision", shown)
        with open("/dev/full", "wb") as full:
            process = self.popen("backup", "-", stdout=full, stderr=subprocess.PIPE)
            _, err = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, DENIED)
        self.assertIn(b"cannot write to standard output", err)

    def test_a_terminal_sees_the_progress_and_no_backup(self):
        self.make_large()
        mine, theirs = pty.openpty()
        process = self.popen("backup", "backup", stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        seen = b""
        while select.select([mine], [], [], PATIENCE_SECONDS)[0]:
            try:
                seen += os.read(mine, 65536)
            except OSError:  # nobody has the other end any more
                break
        os.close(mine)
        self.assertEqual(process.wait(PATIENCE_SECONDS), OK, seen)
        self.assertRegex(seen, rb"\r\[#+ *\] [0-9.]+ [KM]iB of [0-9.]+ [KM]iB")
        mine, theirs = pty.openpty()
        process = self.popen("backup", "-", stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        os.close(mine)
        self.assertEqual(process.returncode, USAGE, err)
        self.assertIn(b"terminal", err)

    def test_a_stream_that_is_cut_leaves_no_file(self):
        self.make_large()
        for limit in (100_000, 400_000):
            result = self.next_backup(UNREACHABLE, Tap(self, self.server.address, limit).address)
            self.assertIn(NO_BACKUP, result.err)
            self.assertEqual(self.names(), [])
        self.wait_until_over()
        self.wait_until(
            lambda: self.server.metric('claviger_backups_total{outcome="cut_off"}') == 2, "both to be counted"
        )
        self.assertEqual(self.server.metric("claviger_backup_last_success_timestamp_seconds"), 0)

    def test_a_stream_that_falls_silent_is_given_up(self):
        self.make_large()
        tap = self.hold()
        result = self.cli("backup", "backup", "--timeout", "2s", expect=UNREACHABLE, address=tap.address)
        self.assertIn("in time", result.err)
        self.assertIn(NO_BACKUP, result.err)
        self.assertEqual(self.names(), [])

    def test_a_stream_that_is_altered_leaves_no_file(self):
        tap = Tap(self, self.server.address, replace=(b"[DBOptions]", b"[DbOptions]"))
        result = self.cli("backup", "backup", expect=DENIED, address=tap.address)
        self.assertTrue(tap.replaced)
        self.assertRegex(result.err, r"damaged: its file OPTIONS-\d+ is not what was written")
        self.assertIn(NO_BACKUP, result.err)
        self.assertEqual(self.names(), [])

    def test_one_that_is_interrupted_leaves_no_file(self):
        self.make_large()
        for number in (signal.SIGINT, signal.SIGTERM):
            tap = self.hold()
            process = self.popen("backup", "backup", address=tap.address, stderr=subprocess.PIPE)
            self.assertTrue(tap.held.wait(PATIENCE_SECONDS))
            self.assertEqual(self.names(), ["backup.partial"])
            process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE_SECONDS)
            self.assertEqual(process.returncode, DENIED, err)
            self.assertIn(NO_BACKUP, err.decode())
            self.assertEqual(self.names(), [])
            tap.close()  # else the server would not hear of it
            self.next_backup()
            (self.folder / "backup").unlink()

    def test_there_is_one_at_a_time_and_its_reader_may_end_it(self):
        self.make_large()
        tap = self.hold()
        first = self.popen("backup", "-", address=tap.address, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(tap.held.wait(PATIENCE_SECONDS))
        self.assertTrue(self.checkpoint.exists())
        second = self.cli("backup", "backup", expect=DENIED)
        self.assertIn("OVERLOADED", second.err)
        self.assertIn("one at a time", second.err)
        self.assertEqual(self.names(), [])
        first.terminate()
        self.assertEqual(first.wait(PATIENCE_SECONDS), -signal.SIGTERM)
        tap.close()  # else the server would not hear of it
        self.next_backup()
        self.assertFalse(self.checkpoint.exists())

    def test_many_leave_nothing_open(self):
        """Descriptors of tables stay open with the store, some for each flush; those of checkpoints and connections do not."""
        self.make_large()

        def left():
            process = pathlib.Path("/proc", str(self.server.process.pid))
            names = []
            for link in (process / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    names.append(os.readlink(link))
            return [name for name in names if "/data/backup/" in name or "(deleted)" in name], len(os.listdir(process / "task"))

        self.next_backup()
        threads = left()[1]
        for number in range(30):
            (self.folder / "backup").unlink(missing_ok=True)
            if number % 3 == 0:
                self.next_backup()
            else:
                tap = Tap(self, self.server.address, 3_000_000 if number % 3 == 1 else 10_000)
                self.next_backup(UNREACHABLE, tap.address)
        self.wait_until_over()
        self.wait_until(lambda: left()[0] == [], "what is open to be closed")
        # gRPC's pollers come and go by themselves.
        self.wait_until(lambda: left()[1] <= threads + 4, "threads to go")

    def test_a_killed_server_leaves_no_file_and_no_checkpoint(self):
        self.make_large()
        tap = self.hold()
        process = self.popen("backup", "backup", address=tap.address, stderr=subprocess.PIPE)
        self.assertTrue(tap.held.wait(PATIENCE_SECONDS))
        self.assertTrue(any(self.checkpoint.iterdir()))
        self.server.process.kill()
        tap.close()
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, UNREACHABLE, err)
        self.assertEqual(self.names(), [])
        self.assertTrue(any(self.checkpoint.iterdir()), "nobody was there to remove it")
        self.server.start_again()
        self.assertFalse(self.checkpoint.exists())
        self.backup()

    def test_the_timer_s_service_makes_one_and_an_export_and_clears_up(self):
        unit = (support.ROOT / "deploy" / "systemd" / "claviger-backup.service").read_text(encoding="utf-8")
        credentials, state = self.folder / "credentials", self.folder / "state"
        credentials.mkdir()
        state.mkdir()
        (credentials / "key").write_text(self.key, encoding="ascii")
        (credentials / "key").chmod(0o600)
        old = state / "claviger-20200101T020000Z.backup"
        for path in (old, state / "else.backup"):
            path.write_bytes(b"old")
            os.utime(path, (0, 0))
        variables = {"PATH": f"{support.BUILD / 'bin'}:{os.environ['PATH']}", "CLAVIGER_SERVER": self.server.address}
        lines = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        self.assertEqual(len(lines), 3)
        for line in lines:
            meant = {"%d": str(credentials), "%%": "%"}
            command = shlex.split(re.sub("%[d%]", lambda specifier: meant[specifier.group()], line))
            done = subprocess.run(command, cwd=state, env=variables, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
            self.assertEqual(done.returncode, OK, done)
        names = sorted(path.name for path in state.iterdir())
        self.assertRegex(names[1], r"^claviger-\d{8}T\d{6}Z\.backup$")
        self.assertEqual([names[0], *names[2:]], ["audit.jsonl", "else.backup"])
        self.cli("backup", "show", str(state / names[1]))
        self.cli("audit", "verify", str(state / "audit.jsonl"))

    def test_only_whoever_may_have_everything(self):
        for arguments in (["-s", "keys.read"], ["-s", "settings.manage", "--bind-project", "default"]):
            issued = self.cli("key", "issue", "-p", "claviger", "-n", "other", *arguments, "-o", "json").json
            refused = self.cli("backup", "backup", expect=DENIED, CLAVIGER_KEY=issued["key"])
            self.assertIn("PERMISSION_DENIED", refused.err)
            self.assertEqual(self.names(), [])
        entries = self.cli("audit", "list", "--action", "Backup", "--refused", "-o", "json").json["events"]
        self.assertEqual([entry["refusal"] for entry in entries], ["PERMISSION_DENIED"] * 2)
        self.backup()
        entries = self.cli("audit", "list", "--action", "Backup").out
        self.assertEqual(len(re.findall(r" Backup ", entries)), 3)


if __name__ == "__main__":
    unittest.main()
