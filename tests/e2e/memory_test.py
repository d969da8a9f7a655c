#!/usr/bin/env python3
"""What the memory of the programs holds stays there: no core file, and no look into it by other programs of the same user."""

import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import support

# Debian's nobody and nogroup: somebody without any rights.
NOBODY = 65534
PRIVATE = ("mem", "environ", "maps", "auxv")


def as_user(user):
    """Arguments of Popen for a process of this user, whose limit of core files is as high as may be."""

    def raise_limit():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    more = {"user": user, "group": user, "extra_groups": []} if user != os.geteuid() else {}
    return {"preexec_fn": raise_limit, "stdin": subprocess.DEVNULL, **more}


class MemoryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # Root may look anywhere, so that only somebody else can show that it is refused.
        self.user = NOBODY if os.geteuid() == 0 else os.geteuid()
        self.programs = {}
        for name in ("clavigerd", "claviger"):
            # Where the build stands the user may not look.
            self.programs[name] = shutil.copy(support.binary(name), self.folder / name)
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.home.mkdir()
        if self.user != os.geteuid():
            os.chown(self.home, self.user, self.user)

    def start(self, *command, **environment):
        with open(self.home / "log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.home,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=log,
                stderr=log,
                **as_user(self.user),
            )
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def log(self):
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    def start_server(self):
        grpc_port, http_port = support.free_ports(2)
        self.address = f"127.0.0.1:{grpc_port}"
        command = [self.programs["clavigerd"], "--dev", "--data", "data", "--listen", self.address]
        process = self.start(*command, "--http-listen", f"127.0.0.1:{http_port}")
        support.wait_until(
            lambda: support.http_get(f"http://127.0.0.1:{http_port}/readyz")[0] == 200,
            support.START_SECONDS,
            "clavigerd to be ready",
            alive=lambda: process.poll() is None,
        )
        return process

    def start_client(self):
        """One that holds the root key, and waits."""
        process = self.start(self.programs["claviger"], "--server", self.address, "audit", "tail")
        support.wait_until(lambda: "following" in self.log(), support.START_SECONDS, "the tail to begin")
        return process

    def may_read(self, process, file):
        """Whether another process of the same user may."""
        command = ["head", "-c", "1", f"/proc/{process.pid}/{file}"]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        reader = subprocess.run(command, env=environment, capture_output=True, check=False, **as_user(self.user))
        if reader.returncode != 0:
            self.assertIn(b"Permission denied", reader.stderr)
        return reader.returncode == 0

    def dies_with_core(self, process, number):
        """Kills the process as a crash does; whether the system made a core of it."""
        process.send_signal(number)
        # Popen.wait would keep back what the system says of the core.
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -number
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertEqual(os.WTERMSIG(status), number)
        return os.WCOREDUMP(status)

    def check_refused(self, process):
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, r"(?m)^Max core file size +0 +0 +bytes")
        for file in PRIVATE:
            # The system gives the files of a process that must not be looked at to root.
            self.assertEqual(os.stat(f"/proc/{process.pid}/{file}").st_uid, 0, file)
            self.assertFalse(self.may_read(process, file), file)

    def test_without_the_refusal_all_of_it_could_be_read(self):
        """Shows that the checks of the others can fail."""
        process = self.start("sleep", "600")
        for file in ("environ", "maps", "auxv"):
            self.assertTrue(self.may_read(process, file), file)
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()
        limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if limit == 0 or pattern.startswith(("/", "|")):
            self.skipTest(f"no process leaves a core here: hard limit {limit}, core_pattern {pattern!r}")
        self.assertTrue(self.dies_with_core(process, signal.SIGSEGV))

    def test_the_servers_memory_is_its_own(self):
        process = self.start_server()
        self.check_refused(process)
        self.assertFalse(self.dies_with_core(process, signal.SIGSEGV))
        self.assertEqual(sorted(os.listdir(self.home)), ["data", "log"])

    def test_an_aborted_server_leaves_no_core(self):
        process = self.start_server()
        self.assertFalse(self.dies_with_core(process, signal.SIGABRT))
        self.assertEqual(sorted(os.listdir(self.home)), ["data", "log"])

    def test_the_clients_memory_is_its_own(self):
        self.start_server()
        process = self.start_client()
        self.check_refused(process)
        key = (self.home / "data" / "root.key").read_bytes().strip()
        for file in ("cmdline", "environ"):
            self.assertNotIn(key, pathlib.Path(f"/proc/{process.pid}/{file}").read_bytes())
        self.assertFalse(self.dies_with_core(process, signal.SIGSEGV))
        self.assertEqual(sorted(os.listdir(self.home)), ["data", "log"])

    def test_what_is_made_is_for_nobody_else(self):
        self.start_server()
        for path in [self.home / "data", *(self.home / "data").rglob("*")]:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)


if __name__ == "__main__":
    unittest.main()
