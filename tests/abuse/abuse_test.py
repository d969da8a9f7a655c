#!/usr/bin/env python3
"""Every attack against a real clavigerd, in one configuration: it lives, its memory stays within what it was given, its files are
closed again, and who keeps to the rules is served meanwhile and afterwards.

    abuse_test.py no_certificate | certificate | tls | plaintext | nginx   [attack ...]

Prints a table of what was seen. ABUSE_FULL=1 attacks with larger counts, and the server as it comes without settings; that is what
the table in SECURITY.md was made with. Times are shown, and not judged.
"""

import os
import pathlib
import sys
import tempfile
import time
import unittest

# What the tests of the real programs share serves here too.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import attacks
import support
import target

support.require_stubs()

FULL = os.environ.get("ABUSE_FULL") == "1"
NAMES = list(target.CONFIGURATIONS)
CONFIGURATION = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in NAMES else None
CHOSEN = [attack for attack in attacks.ALL if len(sys.argv) < 3 or attack.name in sys.argv[2:]]

MEMORY_MIB = 256 if FULL else 64
TRANSPORT_MIB = 512 if FULL else 64
FLAGS = [] if FULL else ["--memory", f"{MEMORY_MIB}MiB", "--transport-memory", f"{TRANSPORT_MIB}MiB"]
# What the process may grow by before connections end, and what comes in while that is noticed on a machine that is busy.
ALLOWED_MIB = MEMORY_MIB + TRANSPORT_MIB + 384
# By what makes it keep nothing, or reaches it not at all: without a certificate there are only handshakes, and behind the front
# only what the front takes for calls.
ALLOWED_LITTLE_MIB = 64
# A server that an attack made grow is not the one to measure the next with.
FRESH_MIB = 16
ALLOWED_MORE_DESCRIPTORS = 5
ALLOWED_MORE_THREADS = 32


class AbuseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.configuration = target.CONFIGURATIONS[CONFIGURATION]
        cls.rows = []
        cls.server = cls.caller = None
        cls.addClassCleanup(cls._print_rows)
        cls.addClassCleanup(cls._stop)

    @classmethod
    def _start(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="claviger-abuse-")
        cls.server = target.make(cls.folder.name, cls.configuration, FLAGS)
        cls.server.start()
        cls.caller = target.KnownCaller(cls.server)
        cls.fresh = cls.server.resident_mib()

    @classmethod
    def _stop(cls):
        if cls.server is None:
            return
        if cls.caller is not None:
            cls.caller.close()
        if cls.server.process.running:
            cls.server.stop()
        cls.folder.cleanup()
        cls.server = cls.caller = None

    @classmethod
    def _print_rows(cls):
        print(f"\n{cls.configuration.title}\n")
        print("| attack | how it ended | memory MiB: before, peak, after | known caller: checks, slowest s | took s |")
        print("| --- | --- | --- | --- | ---: |")
        for row in cls.rows:
            print(f"| {' | '.join(row)} |", flush=True)

    def setUp(self):
        if self.server is None or not self.server.process.running or self.server.resident_mib() > self.fresh + FRESH_MIB:
            self._stop()
            self._start()

    def _attack(self, attack):
        server, caller = self.server, self.caller
        pid, descriptors, threads = server.pid, server.descriptors(), server.threads()
        began = time.monotonic()
        with target.Watch(server) as watch, caller:
            ending = attack.run(server.attacker(), attack.most_scale if FULL else 1)
            took = time.monotonic() - began
            self.assertEqual(caller.check_anew(), "", "a check on a new connection, right behind the attack")
        after = server.resident_mib()
        self.rows.append(
            (
                attack.name,
                ending,
                f"{watch.before}, {watch.peak}, {after}",
                f"{caller.answered}, {caller.slowest:.2f}",
                f"{took:.1f}",
            )
        )
        self.assertTrue(server.alive(), server.process.log()[-4000:])
        self.assertEqual(server.pid, pid)
        self.assertEqual(caller.failures, [], "checks of the known caller during the attack")
        self.assertGreater(caller.answered, 0)
        shielded = CONFIGURATION in ("no_certificate", "nginx")
        allowed = ALLOWED_MIB if attack.grows and not shielded else ALLOWED_LITTLE_MIB
        self.assertLess(watch.peak - watch.before, allowed, f"MiB of growth: {ending}")
        support.wait_until(
            lambda: server.descriptors() <= descriptors + ALLOWED_MORE_DESCRIPTORS,
            target.SETTLE_SECONDS,
            f"descriptors to come back from {server.descriptors()} to {descriptors}",
        )
        self.assertLess(server.threads(), threads + ALLOWED_MORE_THREADS)


def _add_test(attack):
    def test(self):
        self._attack(attack)

    name = "test_" + attack.name.replace(" ", "_").replace(",", "").replace("-", "_")
    test.__name__ = name
    test.__doc__ = attack.title
    setattr(AbuseTest, name, test)
    return name


if __name__ == "__main__":
    if CONFIGURATION is None:
        sys.exit(f"usage: abuse_test.py {' | '.join(NAMES)} [attack ...]")
    if target.CONFIGURATIONS[CONFIGURATION].front:
        target.front.require_nginx()
    suite = unittest.TestSuite(AbuseTest(_add_test(attack)) for attack in CHOSEN)
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
