#!/usr/bin/env python3
"""What an operator does now and then: replaces the root key, adds a pepper, gets TLS wrong."""

import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

import cli_support
import support

OK, DENIED, USAGE, UNREACHABLE = 0, 1, 2, 3


class RotateTestCase(unittest.TestCase):
    """A server of its own for each test: its root key is replaced."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = support.Server(self.folder)
        self.server.start()
        self.addCleanup(self._stop)
        self.old_file = self.server.data / "root.key"
        self.old_key = self.server.root_key()

    def _stop(self):
        if self.server.process.running:
            self.server.stop()

    def cli(self, *arguments, expect=OK, **environment):
        result = cli_support.run_cli(self.folder, self.server.address, arguments, **environment)
        self.assertEqual(result.code, expect, f"{arguments}: {result}")
        self.assertNotIn(self.old_key, result.out + result.err)
        return result

    def works(self, key):
        return cli_support.run_cli(self.folder, self.server.address, ["key", "list"], CLAVIGER_KEY=key).code == OK

    def keys(self):
        return self.cli("key", "list", "-p", "claviger", "-o", "json", CLAVIGER_KEY=self.old_key).out


class BootstrapRotateTest(RotateTestCase):
    def test_the_new_key_takes_the_place_of_the_old_one(self):
        told = self.cli("bootstrap", "rotate")
        new_file = self.server.data / "root.key.new"
        new_key = new_file.read_text(encoding="ascii").strip()
        self.assertEqual(stat.S_IMODE(new_file.stat().st_mode), 0o600)
        self.assertFalse(self.old_file.exists())
        self.assertNotIn(new_key, told.out + told.err)
        for words in (str(new_file.name), "revoked; no verifier held it", "removed"):
            self.assertIn(words, told.out)
        self.assertTrue(self.works(new_key))
        self.assertFalse(self.works(self.old_key))
        old_id, new_id = self.old_key[9:25], new_key[9:25]
        as_new = {"CLAVIGER_KEY": new_key}
        old = cli_support.run_cli(self.folder, self.server.address, ["key", "get", old_id, "-o", "json"], **as_new).json
        new = cli_support.run_cli(self.folder, self.server.address, ["key", "get", new_id, "-o", "json"], **as_new).json
        self.assertEqual(old["info"]["state"], "KEY_STATE_REVOKED")
        self.assertEqual(old["info"]["revokeReason"], "REVOKE_REASON_SUPERSEDED")
        self.assertIn(new_id, old["info"]["revokeNote"])
        self.assertEqual(new["info"]["scopes"], old["info"]["scopes"])

        # And once more, to a name of one's own, for a program to read.
        answer = self.cli(
            "--key-file", str(new_file), "bootstrap", "rotate", "--out", str(self.old_file), "-o", "json"
        ).json
        self.assertEqual(answer["keyFile"], str(self.old_file))
        self.assertEqual(answer["revokedKeyId"], new_id)
        self.assertEqual(answer["removedFile"], str(new_file))
        self.assertFalse(new_file.exists())
        self.assertTrue(self.works(self.server.root_key()))

    def test_permissions_and_binding_stay_the_same(self):
        issue = ["key", "issue", "-q", "-p", "claviger", "-n", "partner", "-s", "keys.issue", "-s", "keys.read"]
        issue += ["-s", "keys.revoke", "--bind-project", "claviger", "--bind-project", "default", "--ttl", "30d"]
        self.cli(*issue, "--key-out", "partner.key")
        answer = self.cli("--key-file", "partner.key", "bootstrap", "rotate", "-o", "json").json
        info = self.cli("key", "get", answer["keyId"], "-o", "json").json["info"]
        self.assertEqual(info["scopes"], ["keys.issue", "keys.read", "keys.revoke"])
        self.assertEqual(info["boundProjectIds"], ["claviger", "default"])
        self.assertIn("expireTime", info)
        self.assertTrue(self.old_file.exists())

    def test_a_file_that_is_there_is_overwritten_only_by_force(self):
        taken = self.folder / "taken"
        taken.write_text("mine", encoding="ascii")
        before = self.keys()
        told = self.cli("bootstrap", "rotate", "--out", "taken", expect=USAGE)
        self.assertIn("--force", told.err)
        self.assertEqual(taken.read_text(encoding="ascii"), "mine")
        self.assertEqual(self.keys(), before)
        self.cli("bootstrap", "rotate", "--out", "taken", "--force")
        self.assertTrue(self.works(taken.read_text(encoding="ascii").strip()))
        self.assertEqual(stat.S_IMODE(taken.stat().st_mode), 0o600)
        self.assertEqual(sorted(os.listdir(self.folder)), ["clavigerd.log", "data", "taken"])

    def test_what_cannot_go_well_changes_nothing(self):
        before = self.keys()
        self.cli("bootstrap", "rotate", "--out", "data/root.key", "--force", expect=USAGE)
        self.cli("bootstrap", "rotate", "--out", "nowhere/root.key", expect=USAGE)
        self.cli("bootstrap", "rotate", CLAVIGER_KEY=self.old_key, expect=USAGE)
        self.assertEqual(self.keys(), before)
        self.assertTrue(self.old_file.exists())

    def test_keys_that_cannot_be_replaced_are_told_so_and_stay(self):
        self.cli("key", "issue", "-p", "default", "-n", "a key", "--key-out", "no-manager.key")
        self.cli("--key-file", "no-manager.key", "bootstrap", "rotate", expect=DENIED)
        for permission in ("keys.read", "keys.issue"):
            name = f"{permission}.key"
            self.cli("key", "issue", "-p", "claviger", "-n", "few", "-s", permission, "--key-out", name)
            told = self.cli("--key-file", name, "bootstrap", "rotate", expect=DENIED)
            self.assertIn("the old key is as it was", told.err)
            self.assertFalse((self.folder / f"{name}.new").exists())
            self.assertTrue((self.folder / name).exists())

    def test_a_key_without_the_right_is_told_of_the_right(self):
        """A key bound to other projects was told that there was no such key: it was itself."""
        issue = ["key", "issue", "-p", "claviger", "-n", "bound", "-s", "keys.read", "-s", "keys.issue"]
        self.cli(*issue, "--bind-project", "default", "--key-out", "bound.key")
        self.cli("key", "issue", "-p", "default", "-n", "a key", "--key-out", "customer.key")
        for name in ("bound.key", "customer.key"):
            told = self.cli("--key-file", name, "bootstrap", "rotate", expect=DENIED)
            self.assertIn("PERMISSION_DENIED", told.err)
            self.assertIn("keys.read", told.err)
            self.assertNotIn("there is no key", told.err)
            self.assertIn("the old key is as it was", told.err)

    def test_a_key_that_may_not_revoke_others_revokes_itself(self):
        issue = ["key", "issue", "-p", "claviger", "-n", "few", "-s", "keys.issue", "-s", "keys.read"]
        self.cli(*issue, "--key-out", "few.key")
        old = (self.folder / "few.key").read_text(encoding="ascii").strip()
        self.cli("--key-file", "few.key", "bootstrap", "rotate")
        self.assertFalse(self.works(old))
        self.assertTrue(self.works((self.folder / "few.key.new").read_text(encoding="ascii").strip()))

    def test_only_the_file_that_was_given_is_removed(self):
        self.cli("bootstrap", "rotate", "--out", "new.key", CLAVIGER_KEY=self.old_key)
        self.assertTrue(self.old_file.exists())
        self.assertFalse(self.works(self.old_key))

    def test_the_last_key_cannot_be_revoked_by_hand(self):
        told = self.cli("key", "revoke", self.old_key[9:25], expect=DENIED)
        self.assertIn("LAST_ADMIN_KEY", told.err)
        self.assertTrue(self.works(self.old_key))

    def test_there_is_no_second_bootstrap(self):
        self.old_file.unlink()
        self.server.stop()
        self.server.start()
        self.assertFalse(self.old_file.exists())
        self.assertTrue(self.works(self.old_key))


class PepperTest(RotateTestCase):
    def new_pepper(self, name):
        command = [support.binary("clavigerd"), "new-pepper", name, "--dev", "--data", str(self.server.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def keys_on(self, pepper):
        found = re.search(rf'^claviger_keys_by_pepper{{pepper="{pepper}"}} (\d+)', self.server.metrics(), re.MULTILINE)
        return int(found.group(1)) if found else None

    def test_from_one_pepper_to_the_next(self):
        file = self.server.data / "pepper"
        told = self.new_pepper("p2")
        self.assertEqual(told.returncode, OK, told.stderr)
        lines = file.read_text(encoding="ascii").split()
        self.assertEqual([line.split(":")[0] for line in lines], ["p2", "p1"])
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        for line in lines:
            self.assertNotIn(line.split(":")[1], told.stdout + told.stderr)
        self.assertNotEqual(self.new_pepper("p2").returncode, OK)

        self.server.stop()
        self.server.start()
        self.assertEqual(self.keys_on("p1"), 1)
        self.assertTrue(self.works(self.old_key))
        support.wait_until(lambda: self.keys_on("p1") == 0, 30, "the root key to change its pepper")
        self.server.stop()
        file.write_text(lines[0] + "\n", encoding="ascii")
        self.server.start()
        self.assertTrue(self.works(self.old_key))


class TlsMistakesTest(unittest.TestCase):
    """What the command line says about the usual mistakes."""

    @classmethod
    def setUpClass(cls):
        if support.tool("openssl") is None:
            raise unittest.SkipTest("no openssl: no certificate can be made")
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for name in ("server", "other", "client"):
            (cls.folder / name).mkdir()
            cli_support.make_certificate(cls.folder / name)
        (cls.folder / "pepper").write_text("p1:" + "QUFB" * 11 + "\n", encoding="ascii")
        (cls.folder / "pepper").chmod(0o600)
        cls.tls = cls.start("tls", "--client-auth", "none")
        cls.mutual = cls.start("mutual", "--tls-client-ca", str(cls.folder / "client" / "cert.pem"))
        cls.plain = cls.start("plain", "--insecure")

    @classmethod
    def start(cls, name, *arguments):
        port, http_port = support.free_ports(2)
        command = [support.binary("clavigerd"), "--data", str(cls.folder / f"{name}.data"), *arguments]
        if "--insecure" not in arguments:
            command += ["--tls-cert", str(cls.folder / "server" / "cert.pem")]
            command += ["--tls-key", str(cls.folder / "server" / "key.pem")]
        command += ["--pepper-file", str(cls.folder / "pepper")]
        command += ["--listen", f"127.0.0.1:{port}", "--http-listen", f"127.0.0.1:{http_port}"]
        process = support.Process(command, cls.folder / f"{name}.log")
        cls.addClassCleanup(process.stop)
        support.wait_until(
            lambda: support.http_get(f"http://127.0.0.1:{http_port}/readyz")[0] == 200,
            support.START_SECONDS,
            f"clavigerd {name}",
            alive=lambda: process.running,
        )
        return f"127.0.0.1:{port}"

    def expect(self, server, words, *arguments):
        for command in (["status"], ["key", "list"]):
            result = cli_support.run_cli(self.folder, server, [*command, "--timeout", "5s", *arguments])
            self.assertEqual(result.code, UNREACHABLE, result)
            self.assertIn(words, result.err, result)

    def test_a_certificate_of_an_authority_that_is_not_trusted(self):
        self.expect(self.tls, "is not from the authority in other/cert.pem", "--ca", "other/cert.pem")

    def test_plaintext_to_a_tls_port(self):
        self.expect(self.tls, "probably speaks TLS on this port: give --ca", "--plaintext")

    def test_tls_to_a_plaintext_port(self):
        self.expect(self.plain, "probably speaks plaintext on this port", "--ca", "server/cert.pem")

    def test_no_client_certificate(self):
        self.expect(self.mutual, "probably wants a client certificate", "--ca", "server/cert.pem")

    def test_a_client_certificate_of_another_authority(self):
        mine = ["--cert", "other/cert.pem", "--cert-key", "other/key.pem"]
        self.expect(self.mutual, "does not accept the certificate in other/cert.pem", "--ca", "server/cert.pem", *mine)

    def test_another_name_than_that_in_the_certificate(self):
        server = self.tls.replace("127.0.0.1", "localhost")
        self.expect(server, "is for another name", "--ca", "server/cert.pem")

    def test_nobody_there(self):
        (port,) = support.free_ports(1)
        self.expect(f"127.0.0.1:{port}", "Connection refused", "--plaintext")


if __name__ == "__main__":
    unittest.main()
