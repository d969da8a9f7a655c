"""For tests of the command line: a server for a class of them, commands that run there, and what they leave."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import support

OK, DENIED, USAGE, UNREACHABLE = range(4)
KEY = re.compile(r"[a-z][a-z0-9]{1,15}_(live|test)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}")
NO_KEY_ID = "0000000000000000"
RUN_SECONDS = 60


class Following:
    """A command of `claviger` that goes on, in the background, its output in files. It has begun once
    `begun` stands in its stderr."""

    def __init__(self, test, begun, *arguments):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="following-", dir=test.folder))
        variables = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": test.server.address}
        with open(self.folder / "out", "wb") as out, open(self.folder / "err", "wb") as err:
            self.process = subprocess.Popen(
                [support.binary("claviger"), *arguments], cwd=test.folder, env=variables, stdout=out, stderr=err
            )
        test.addCleanup(self._kill)
        self.wait_for(lambda: begun in self.err, f"{arguments} to begin")

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


class CliCalls:
    """What tests do with a `cli` of theirs."""

    def cli_json(self, *arguments, **more):
        return self.cli(*arguments, "-o", "json", **more).json

    def issue(self, *arguments):
        """(key, key id) of a new key."""
        answer = self.cli_json("key", "issue", *arguments)
        self.assertRegex(answer["key"], KEY)
        return answer["key"], answer["info"]["keyId"]


class CliTestCase(CliCalls, unittest.TestCase):
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
