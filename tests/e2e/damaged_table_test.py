#!/usr/bin/env python3
"""One bit of a table flips: keys can be revoked all the same, and somebody is told."""

import unittest

import cli_support
import support

support.require_stubs()

WAIT_SECONDS = 60
# RocksDB's default: so many tables that were never merged are merged.
TABLES_TO_MERGE = 4


class DamagedTableTest(support.ServerTestCase):
    def connect(self):
        stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(stubs.close)
        return stubs

    def start_again(self):
        """Another start, which makes tables of what is in the log."""
        self.server.process.kill()
        self.log_before = len(self.server.process.log())
        self.server.start()
        return self.connect()

    def issue(self, stubs, metadata="", project_id="default"):
        request = stubs.authority.IssueKeyRequest(project_id=project_id, display_name="a key")
        request.metadata.update({"much": metadata})
        answer = stubs.call("IssueKey", request)
        return answer.info.key_id, answer.key

    def revoke(self, stubs, key_id):
        stubs.call("RevokeKey", stubs.authority.RevokeKeyRequest(key_id=key_id))

    def cli(self, *arguments):
        key = self.server.root_key()
        return cli_support.run_cli(self.folder, self.server.address, arguments, CLAVIGER_KEY=key)

    def verify(self, stubs, key):
        """The code of the check, or the status of a call that failed."""
        try:
            answer = stubs.call("Verify", stubs.verifier.VerifyRequest(key=key))
        except stubs.grpc.RpcError as error:
            return error.code().name
        return stubs.verifier.VerifyCode.Name(answer.code)[len("VERIFY_CODE_") :]

    def flip_a_bit_in_the_largest_table(self):
        tables = (self.server.data / "db").glob("*.sst")
        table = max(tables, key=lambda path: path.stat().st_size)
        content = bytearray(table.read_bytes())
        content[100] ^= 1
        table.write_bytes(content)
        return table.name

    def test_keys_are_revoked_also_after_another_start(self):
        # The key of the administrator is in a table of its own.
        stubs = self.start_again()
        keys = [self.issue(stubs, "x" * 3900) for _ in range(100)]
        stubs = self.start_again()
        stubs.close()
        self.server.stop()
        table = self.flip_a_bit_in_the_largest_table()
        self.server.start()
        stubs = self.connect()
        codes = [self.verify(stubs, key) for _, key in keys]
        self.assertEqual(set(codes), {"VALID", "DATA_LOSS"})
        sound = [key for key, code in zip(keys, codes) if code == "VALID"]
        self.assertEqual(self.server.metric("claviger_store_damaged"), 0)

        late = []
        for _ in range(TABLES_TO_MERGE):
            late.append(self.issue(stubs))
            stubs = self.start_again()
        for _ in range(2):
            support.wait_until(
                lambda: self.server.metric("claviger_store_damaged") == 1, WAIT_SECONDS, "the damage to be told"
            )
            log = self.server.process.log()[self.log_before :]
            self.assertEqual(log.count("the store is damaged"), 1, log)
            self.assertIn(table, log)
            self.assertEqual(support.http_get(f"http://{self.server.http}/readyz")[0], 200)
            for key_id, key in (sound.pop(), late.pop()):
                self.assertEqual(self.verify(stubs, key), "VALID")
                self.revoke(stubs, key_id)
                self.assertEqual(self.verify(stubs, key), "REVOKED")
            self.assertEqual(self.verify(stubs, self.issue(stubs)[1]), "VALID")
            for key, code in zip(keys, codes):
                if code == "DATA_LOSS":
                    self.assertEqual(self.verify(stubs, key[1]), "DATA_LOSS")
            stubs = self.start_again()

        # All that are left, but for those that cannot be read: they are named.
        request = stubs.lifecycle.RevokeKeysRequest(max_keys=1000)
        request.filter.project_ids.append("default")
        lost = [key_id for (key_id, _), code in zip(keys, codes) if code == "DATA_LOSS"]
        for trial in (True, False):
            request.validate_only = trial
            answer = stubs.call("RevokeKeys", request)
            self.assertGreater(answer.revoked_count, len(sound) // 2)
            self.assertEqual(sorted(failure.key_id for failure in answer.failures), sorted(lost))
        for _, key in sound + late:
            self.assertEqual(self.verify(stubs, key), "REVOKED")
        # It would be of no use.
        backup = self.cli("backup", str(self.folder / "backup"))
        self.assertEqual(backup.code, 1, str(backup))
        self.assertIn(table, backup.err)
        self.assertFalse((self.folder / "backup").exists())

    def test_a_deleted_project_loses_the_keys_that_can_be_read(self):
        stubs = self.start_again()
        stubs.call("CreateProject", stubs.project.CreateProjectRequest(project={"project_id": "shop"}))
        keys = [self.issue(stubs, "x" * 3900, "shop") for _ in range(100)]
        stubs = self.start_again()
        stubs.close()
        self.server.stop()
        self.flip_a_bit_in_the_largest_table()
        self.server.start()
        stubs = self.connect()
        sound = [key_id for key_id, key in keys if self.verify(stubs, key) == "VALID"]
        self.assertIn(len(sound), range(50, 100))

        stubs.call("DeleteProject", stubs.project.DeleteProjectRequest(project_id="shop", revoke_keys=True))

        def all_are_removed():
            listed = self.cli("audit", "list", "--action", "DeleteKey", "--limit", "1000").out
            return all(key_id in listed for key_id in sound)

        support.wait_until(all_are_removed, WAIT_SECONDS, "the keys that can be read to be deleted")
        for _, key in keys:
            self.assertIn(self.verify(stubs, key), ("REVOKED", "DATA_LOSS"))


if __name__ == "__main__":
    unittest.main()
