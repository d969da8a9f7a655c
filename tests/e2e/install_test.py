#!/usr/bin/env python3
"""A service that is built from the installed client only: find_package, the quickstart, and what a revoke promises it."""

import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import support

QUICKSTART = support.ROOT / "client" / "quickstart"
INSTALLED_CLIENT = support.ROOT / "tests" / "e2e" / "installed_client"
THREADS = 4


def run(command, **kwargs):
    """Runs to the end; the output, or an error that shows it."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=280, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Sdk:
    """The client installed into a folder of its own, and projects built against that folder alone."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.prefix = self.folder / "sdk"
        run(["cmake", "--install", support.BUILD, "--component", "client", "--prefix", self.prefix])

    def build(self, source):
        """Copies the project away from our tree, and builds it; the folder with its programs."""
        copy = self.folder / source.name
        build = self.folder / (source.name + "-build")
        run(["cp", "-r", source, copy])
        options = [f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCLAVIGER_INCLUDE_DIR={self.prefix / 'include'}"]
        run(["cmake", "-S", copy, "-B", build, "-DCMAKE_BUILD_TYPE=Release", *options])
        run(["cmake", "--build", build])
        return build


class CutProxy:
    """A TCP proxy that can be cut: then nothing passes any more, and no connection is closed, as when a cable is pulled."""

    def __init__(self, target):
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._open.clear()

    def close(self):
        for each in self._sockets:
            each.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target.rsplit(":", 1))
            except OSError:
                return
            self._sockets += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                if not self._open.is_set():
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class InstallTest(support.ServerTestCase):
    @classmethod
    def setUpClass(cls):
        cls._sdk_folder = tempfile.TemporaryDirectory(prefix="claviger-sdk-")
        cls.addClassCleanup(cls._sdk_folder.cleanup)
        cls.sdk = Sdk(cls._sdk_folder.name)
        cls.quickstart = cls.sdk.build(QUICKSTART) / "quickstart"
        programs = cls.sdk.build(INSTALLED_CLIENT)
        cls.hammer, cls.headers, cls.waiting_handlers = (
            programs / name for name in ("hammer", "headers", "waiting_handlers")
        )

    def claviger(self, *arguments):
        """What the operator's command line prints, and when (CLOCK_BOOTTIME, ns) it was back."""
        command = [support.binary("claviger"), *arguments, "--server", self.server.address]
        output = run(command + ["--key-file", self.server.data / "root.key"])
        return output, time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def issue(self, *options):
        """A key's text and id."""
        text = self.claviger("key", "issue", "-q", "--project", "default", "--name", "k", *options)[0].strip()
        return text, text.split("_")[2]

    def start_hammer(self, address, key, after):
        """A service that has accepted the key a million times and still checks it, and `after` times more per thread when it ends."""
        hammer = subprocess.Popen(
            [self.hammer, address, self.server.data / "root.key", str(THREADS), str(after)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(lambda: (hammer.kill(), hammer.communicate()))
        hammer.stdin.write(key + "\n")
        hammer.stdin.flush()
        self.assertEqual(hammer.stdout.readline(), "ready\n")
        return hammer

    def report(self, hammer, name):
        """Ends it; what it saw."""
        output, _ = hammer.communicate(timeout=30)
        seen = json.loads(output)
        print(f"{name}: {seen}", flush=True)
        return seen

    def test_nothing_but_public_headers_and_one_library_is_installed(self):
        installed = {path.relative_to(self.sdk.prefix).parts[0] for path in self.sdk.prefix.rglob("*") if path.is_file()}
        self.assertEqual(installed, {"include", "lib"})
        headers = {path.name for path in (support.ROOT / "client" / "include").rglob("*.h")}
        self.assertEqual({path.name for path in (self.sdk.prefix / "include").rglob("*.h")}, headers)
        libraries = [path.name for path in self.sdk.prefix.rglob("*.a")]
        self.assertEqual(libraries, ["libclaviger.a"])

    def test_public_headers_stand_alone_and_stand_ins_work(self):
        run([self.headers])

    def test_quickstart_checks_keys(self):
        key, key_id = self.issue("--scope", "orders:read", "--owner", "alice")
        output = run(
            [self.quickstart, self.server.address, self.server.data / "root.key", "orders:read"],
            input=f"{key}\n{key}\nno key\n",
        )
        lines = output.splitlines()
        self.assertEqual(lines[0], f"VALID key={key_id} project=default owner=alice (from the authority)")
        self.assertEqual(lines[1], f"VALID key={key_id} project=default owner=alice (from the cache)")
        self.assertEqual(lines[2], "NOT_FOUND")

    def test_handlers_that_wait_do_not_starve_the_client(self):
        keys = [self.issue()[0] for _ in range(16)]
        output = run(
            [self.waiting_handlers, self.server.address, self.server.data / "root.key"], input="\n".join(keys) + "\n"
        )
        self.assertEqual(output, "16\n")

    def test_no_check_that_starts_after_a_revoke_returned_succeeds(self):
        key, key_id = self.issue()
        hammer = self.start_hammer(self.server.address, key, after=2000)
        output, returned = self.claviger("key", "revoke", key_id)
        print(output, flush=True)
        seen = self.report(hammer, "revoke")
        self.assertIn("1 verifier confirmed", output)
        self.assertGreaterEqual(seen["checks"]["VALID"], 1_000_000)
        self.assertGreater(seen["checks"].get("REVOKED", 0), 0)
        self.assertLess(seen["last_accepted_start"], returned)

    def test_the_same_for_a_service_that_is_cut_off(self):
        key, key_id = self.issue()
        proxy = CutProxy(self.server.address)
        self.addCleanup(proxy.close)
        hammer = self.start_hammer(proxy.address, key, after=2)
        proxy.cut()
        started = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        output, returned = self.claviger("key", "revoke", key_id)
        print(output, f"after {(returned - started) / 1e9:.2f} s", flush=True)
        seen = self.report(hammer, "cut off")
        self.assertIn("LEASES_EXPIRED", output)
        self.assertGreater(seen["checks"].get("UNAVAILABLE", 0), 0)
        self.assertLess(seen["last_accepted_start"], returned)


if __name__ == "__main__":
    unittest.main()
