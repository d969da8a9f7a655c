#!/usr/bin/env python3
"""A real clavigerd on a disk that is really full: a small tmpfs in a mount namespace of this test's own."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock
import uuid

import cli_support
import support

support.require_stubs()

MIB = 1 << 20
INSIDE = "CLAVIGER_TEST_OWN_MOUNTS"
# Of the disk: 32 MiB stay free, 16 more are the ballast, and 8 are kept from every change.
DISK_MIB, RESERVE_MIB, BALLAST_MIB = 128, 32, 16
WAIT_SECONDS = 60


def enter_namespace():
    """Starts this program again where it may mount; skips it where that is not allowed."""
    if INSIDE in os.environ:
        return
    if shutil.which("unshare") is None:
        support.skip("no unshare (Debian's util-linux): a small disk of its own cannot be made")
    said = ""
    for unshare in (["unshare", "-Urm"], ["unshare", "-m"]):
        with tempfile.TemporaryDirectory() as folder:
            trial = subprocess.run(
                [*unshare, "mount", "-t", "tmpfs", "none", folder], capture_output=True, text=True, check=False
            )
        if trial.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp(unshare[0], [*unshare, sys.executable, "-B", *sys.argv])
        said = trial.stderr.strip()
    support.skip(f"no tmpfs can be mounted, neither in a user namespace nor as this user: {said}")


def free_bytes(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class SmallDiskCase(unittest.TestCase):
    """A server, not yet started, whose data folder is a file system of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = support.Server(self.folder)
        self.data = self.server.data
        self.foreign = self.data / "foreign"
        self.data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "none", self.data], check=True)
        self.addCleanup(subprocess.run, ["umount", self.data], check=True)
        for name, value in (("CLAVIGER_DISK_RESERVE", f"{RESERVE_MIB}MiB"), ("CLAVIGER_MEMORY", "64MiB")):
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name)
        self.addCleanup(self.end)

    def end(self):
        if self.server.process is not None and self.server.process.running:
            self.server.stop()

    def connect(self):
        stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(stubs.close)
        self.grpc = stubs.grpc
        return stubs

    def start(self):
        self.server.start()
        return self.connect()

    # The disk.

    def leave_free(self, left):
        """A foreign file takes all but so many bytes of the disk; it only grows."""
        with open(self.foreign, "ab") as file:
            for step in (8 * MIB, MIB, 64 << 10, 4 << 10):
                while free_bytes(self.data) - left >= step:
                    try:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
                    except OSError:  # the server was quicker
                        break

    def ballast(self):
        path = self.data / "ballast"
        return path.stat().st_blocks * 512 if path.exists() else 0

    # Calls.

    def issue(self, stubs, request_id=""):
        request = stubs.authority.IssueKeyRequest(project_id="default", display_name="a key", request_id=request_id)
        request.metadata.update({"much": "x" * 3900})
        answer = stubs.call("IssueKey", request)
        return answer.info.key_id, answer.key

    def revoke(self, stubs, key_id):
        stubs.call("RevokeKey", stubs.authority.RevokeKeyRequest(key_id=key_id))

    def verify(self, stubs, key):
        answer = stubs.call("Verify", stubs.verifier.VerifyRequest(key=key))
        return stubs.verifier.VerifyCode.Name(answer.code)[len("VERIFY_CODE_") :]

    def assert_full(self, stubs, call, *arguments):
        with self.assertRaises(self.grpc.RpcError) as caught:
            call(stubs, *arguments)
        error = caught.exception
        self.assertEqual(error.code(), self.grpc.StatusCode.RESOURCE_EXHAUSTED, error)
        details = stubs.details(error)
        self.assertEqual(details["ErrorInfo"].reason, "STORE_FULL")
        self.assertGreater(details["RetryInfo"].retry_delay.seconds, 0)
        return error.details()

    def until_full(self, stubs, call, things, left=None):
        """Calls with one thing after another until the disk is full: what was answered OK, and the refusal.

        `left`: what the store gives back meanwhile (its log, once it is in tables) is taken from it, down to that.
        """
        done = []
        for thing in things:
            if left is not None:
                self.leave_free(left)
            try:
                done.append((thing, call(stubs, *thing)))
            except self.grpc.RpcError as error:
                self.assertEqual(stubs.details(error)["ErrorInfo"].reason, "STORE_FULL", error)
                return done, error.details()
        raise AssertionError("the disk did not become full")

    def wait_for_metric(self, line, left=None):
        seen = []

        def is_there():
            if left is not None:
                self.leave_free(left)
            seen[:] = self.server.metrics().splitlines()
            return line in seen

        try:
            support.wait_until(is_there, WAIT_SECONDS, line)
        except AssertionError as late:
            told = [other for other in seen if other.startswith("claviger_store_")]
            raise AssertionError("\n".join([str(late), f"free: {free_bytes(self.data)}", *told])) from late

    def readyz(self):
        return support.http_get(f"http://{self.server.http}/readyz")

    def assert_audit_is_whole(self):
        result = self.cli("audit", "verify")
        self.assertEqual(result.code, 0, str(result))

    def cli(self, *arguments):
        key = self.server.root_key()
        return cli_support.run_cli(self.folder, self.server.address, arguments, CLAVIGER_KEY=key)

    def log_count(self, text):
        return len(re.findall(re.escape(text), self.server.process.log()))


class FullDiskTest(SmallDiskCase):
    def test_issuing_ends_first_then_revoking_and_all_comes_back(self):
        stubs = self.start()
        process = self.server.process
        self.assertEqual(self.ballast(), BALLAST_MIB * MIB)
        # Room for some thousand keys until the reserve is reached.
        self.leave_free((RESERVE_MIB + 20) * MIB)
        done, refusal = self.until_full(stubs, self.issue, iter(tuple, None))
        made = [key for _, key in done]
        self.assertGreater(len(made), 1000)
        self.assertIn("revoking goes on", refusal)
        # So far below the reserve that what the store gives back does not end it.
        self.leave_free(RESERVE_MIB // 2 * MIB)
        self.assert_full(stubs, self.issue)
        rest = iter(made)
        first, disabled = next(rest), next(rest)

        self.revoke(stubs, first[0])
        stubs.call("DisableKey", stubs.authority.DisableKeyRequest(key_id=disabled[0]))
        self.assert_full(stubs, lambda s: s.call("EnableKey", s.authority.EnableKeyRequest(key_id=disabled[0])))
        self.wait_for_metric('claviger_store_admits{change="growth"} 0')
        self.wait_for_metric('claviger_store_admits{change="reduction"} 1')
        status, text = self.readyz()
        self.assertEqual(status, 200)
        self.assertRegex(text, r"^degraded: .*\d+ MiB free, 32 MiB are kept in reserve")
        result = self.cli("key", "issue", "-p", "default", "-n", "one more")
        self.assertEqual(result.code, 1, str(result))
        self.assertIn("STORE_FULL", result.err)
        self.assertIn("make room on the disk", result.err)

        # Now somebody else takes the last byte, and revoking lives on the ballast.
        self.leave_free(0)

        def revoke(stubs, key_id, _):
            self.revoke(stubs, key_id)

        done, _ = self.until_full(stubs, revoke, rest)
        self.assertGreater(len(done), 100)
        # To the end, also of what the store gives back when its log is in tables.
        more, refusal = self.until_full(stubs, revoke, rest, left=0)
        revoked = [thing for thing, _ in done + more]
        self.assertIn("no change is taken", refusal)
        self.assertEqual(self.verify(stubs, revoked[-1][1]), "REVOKED")
        self.assertEqual(self.verify(stubs, disabled[1]), "DISABLED")
        self.assertEqual(self.verify(stubs, made[-1][1]), "VALID")
        self.wait_for_metric('claviger_store_admits{change="reduction"} 0', left=0)
        self.assertEqual(self.readyz()[0], 200)
        self.assertIn("no change is taken", self.readyz()[1])
        self.assertGreater(self.ballast(), 0)

        # Room again: everything works, in the same process.
        self.foreign.unlink()
        support.wait_until(lambda: self.ballast() == BALLAST_MIB * MIB, WAIT_SECONDS, "the ballast to be whole")
        self.wait_for_metric('claviger_store_admits{change="growth"} 1')
        late = self.issue(stubs)
        self.revoke(stubs, made[-1][0])
        self.assertEqual(self.readyz(), (200, "ok\n"))
        self.assertTrue(process.running)
        self.assertIs(process, self.server.process)
        support.wait_until(lambda: self.log_count("there is room on the disk again"), WAIT_SECONDS, "a line")
        support.wait_until(lambda: self.log_count("the ballast is whole again"), WAIT_SECONDS, "another line")
        self.assertEqual(self.log_count("the ballast is whole again"), 1)
        # Once for each time that a mark is passed; the store itself gives a little back now and then.
        for line in ("the disk is nearly full", "the disk is full"):
            self.assertIn(self.log_count(line), range(1, 10), line)

        self.server.process.kill()
        stubs = self.start()
        self.assertEqual(self.verify(stubs, late[1]), "VALID")
        for _, key in [first, *revoked, made[-1]]:
            self.assertEqual(self.verify(stubs, key), "REVOKED")
        self.assert_audit_is_whole()

    def test_killed_on_a_full_disk_it_starts_and_checks_there(self):
        stubs = self.start()
        keys = [self.issue(stubs) for _ in range(1500)]
        self.leave_free(0)
        rest = iter(keys)
        revoked = []
        for _ in range(2):  # the second time with less ballast
            for _ in range(50):
                key = next(rest)
                self.revoke(stubs, key[0])
                revoked.append(key)
            self.server.process.kill()
            self.leave_free(0)
            stubs = self.start()
            self.assertTrue(all(self.verify(stubs, key) == "REVOKED" for _, key in revoked))
            self.assertEqual(self.verify(stubs, keys[-1][1]), "VALID")
        done, _ = self.until_full(stubs, lambda s, i, _: self.revoke(s, i), rest)
        revoked += [thing for thing, _ in done]
        self.server.process.kill()
        self.leave_free(0)
        stubs = self.start()  # the ballast is at its end
        self.assertTrue(all(self.verify(stubs, key) == "REVOKED" for _, key in revoked))
        self.server.stop()
        self.foreign.unlink()
        stubs = self.start()
        self.issue(stubs)
        self.assert_audit_is_whole()

    def test_without_ballast_and_room_it_refuses_to_start_and_loses_nothing(self):
        stubs = self.start()
        key = self.issue(stubs)
        self.server.process.kill()
        (self.data / "ballast").unlink()
        self.leave_free(0)
        with self.assertRaisesRegex(AssertionError, r"MiB are needed.*Make room and start again: nothing is lost"):
            self.server.start()
        self.foreign.unlink()
        stubs = self.start()
        self.assertEqual(self.verify(stubs, key[1]), "VALID")

    def test_a_disk_that_fills_and_empties_all_the_time_loses_nothing(self):
        stubs = self.start()
        ended = threading.Event()
        acknowledged, failed = [], []

        def work(number):
            mine = support.Stubs(self.server.address, self.server.root_key())
            while not ended.is_set():
                try:
                    key = self.issue(mine, request_id=str(uuid.uuid4()))
                    acknowledged.append((key[1], "VALID"))
                    if len(acknowledged) % 3 == number:
                        self.revoke(mine, key[0])
                        acknowledged[acknowledged.index((key[1], "VALID"))] = (key[1], "REVOKED")
                except self.grpc.RpcError as error:
                    if error.code() != self.grpc.StatusCode.RESOURCE_EXHAUSTED:
                        failed.append(error)
                        break
            mine.close()

        workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        for _ in range(12):
            before = len(acknowledged)
            support.wait_until(lambda: len(acknowledged) >= before + 100, WAIT_SECONDS, "some keys")
            self.leave_free(0)
            self.assertTrue(self.server.process.running, self.server.process.log())
            self.foreign.unlink()
        ended.set()
        for worker in workers:
            worker.join()
        self.assertEqual(failed, [])
        self.server.process.kill()
        stubs = self.start()
        for key, code in acknowledged:
            self.assertEqual(self.verify(stubs, key), code)
        self.assert_audit_is_whole()


class FirstStartTest(SmallDiskCase):
    def test_a_disk_that_is_too_small_for_the_reserve_is_named_and_nothing_is_made(self):
        os.environ["CLAVIGER_DISK_RESERVE"] = "96MiB"
        with self.assertRaisesRegex(AssertionError, "too little for a new store: 96 MiB stay free .--disk-reserve."):
            self.server.start()
        self.assertEqual(self.server.process._process.returncode, 1)
        os.environ["CLAVIGER_DISK_RESERVE"] = f"{RESERVE_MIB}MiB"
        self.issue(self.start())

    def test_a_full_disk_is_named_and_the_next_start_is_the_first(self):
        self.leave_free(0)
        with self.assertRaisesRegex(AssertionError, "No space left on device|too little for a new store"):
            self.server.start()
        self.assertFalse((self.data / "root.key").exists())
        self.foreign.unlink()
        self.issue(self.start())


class FullLogTest(SmallDiskCase):
    def test_a_log_that_cannot_be_written_stops_nothing(self):
        full = self.folder / "clavigerd.log"
        full.symlink_to("/dev/full")
        patched = unittest.mock.patch.object(support.Process, "log", lambda process: "(in /dev/full)")
        patched.start()
        self.addCleanup(patched.stop)
        stubs = self.start()
        key = self.issue(stubs)
        self.revoke(stubs, key[0])
        self.assertEqual(self.verify(stubs, key[1]), "REVOKED")
        self.server.stop()


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
