#!/usr/bin/env python3
"""The command line lists few keys among more than the server looks at in one call."""

import concurrent.futures
import json
import os
import subprocess
import unittest

import support

support.require_stubs()

# The server looks at 20,000 keys before it ends a page.
KEYS = 20_500
IN_FLIGHT = 16


class ListSizeTest(support.ServerTestCase):
    def issue_many(self):
        """One key `needle` first, so that it is the oldest, then many others."""
        stubs = support.Stubs(self.server.address, self.server.root_key())
        stubs.call("IssueKey", stubs.authority.IssueKeyRequest(project_id="default", display_name="needle"))
        request = stubs.authority.IssueKeyRequest(project_id="default", display_name="hay")
        with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as threads:
            for _ in threads.map(lambda _: stubs.call("IssueKey", request), range(KEYS)):
                pass
        stubs.close()

    def list_keys(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address}
        environment["CLAVIGER_KEY"] = self.server.root_key()
        command = [support.binary("claviger"), "key", "list", *arguments, "-o", "json"]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_one_command_goes_on_over_short_pages(self):
        self.issue_many()
        found = self.list_keys("--name-contains", "needle", "--total")
        self.assertEqual([key["displayName"] for key in found["keys"]], ["needle"])
        self.assertEqual(found["totalSize"], "1")
        self.assertEqual(found["nextPageToken"], "")
        self.assertEqual(len(self.list_keys("--name-contains", "hay", "--limit", "2500")["keys"]), 2500)


if __name__ == "__main__":
    unittest.main()
