#!/usr/bin/env python3
"""`claviger usage` and what lists tell of use, against a real server."""

import re
import unittest

import cli_support
from cli_support import DENIED, USAGE


class UsageTest(cli_support.CliTestCase):
    def store_what_was_counted(self):
        """A stop brings it into the store, and spares the test ten seconds."""
        self.server.stop()
        self.server.start_again()

    def test_checks_are_shown_with_time_address_and_service(self):
        self.cli("project", "create", "used")
        key, key_id = self.issue("-p", "used", "-n", "busy", "-s", "orders:read")
        _, idle_id = self.issue("-p", "used", "-n", "idle")
        for _ in range(3):
            self.cli("verify", "--client-ip", "192.0.2.7", stdin=key)
        self.cli("verify", "-s", "orders:write", stdin=key, expect=DENIED)
        self.store_what_was_counted()

        usage = self.cli_json("usage", key_id)
        self.assertEqual(usage["errorRate"], 0.25)
        self.assertEqual(usage["lastUsedAddress"], "192.0.2.7")
        # An hour may have ended between the checks.
        chart = self.cli("usage", key_id).out
        self.assertRegex(chart, r"(?m)^\d{4}-\d\d-\d\d \d\d:00 +\d +\d  [█░]+$")
        self.assertRegex(chart, r"(?m)^good +3$")
        self.assertRegex(chart, r"(?m)^denied +1 \(INSUFFICIENT_SCOPE 1\)$")
        self.assertRegex(chart, r"(?m)^error rate +25 %$")
        self.assertRegex(chart, r"(?m)^from +192\.0\.2\.7$")
        by_day = self.cli("usage", "--project", "used", "--since", "7d", "--by", "day").out
        self.assertEqual(len(re.findall(r"(?m)^\d{4}-\d\d-\d\d ", by_day)), 8)
        # Long spans are told by the day.
        self.assertEqual(self.cli("usage", "--project", "used", "--since", "7d").out, by_day)

        self.assertRegex(self.cli("key", "get", key_id).out, r"last used +\S+ \(.*\) from 192\.0\.2\.7")
        listed = self.cli("key", "list", "-p", "used", "--usage", COLUMNS="200").out
        self.assertIn("LAST USED", listed)
        self.assertRegex(listed, rf"(?m)^{key_id} .* 3 +1$")
        self.assertRegex(listed, rf"(?m)^{idle_id} .* - .* 0 +0$")
        order = ["key", "list", "-p", "used", "--order-by", "last_used_time"]
        self.assertEqual([each["keyId"] for each in self.cli_json(*order)["keys"]], [idle_id, key_id])
        used = self.cli_json("key", "list", "-p", "used", "--last-used-after", "1h")["keys"]
        self.assertEqual([each["keyId"] for each in used], [key_id])
        self.assertEqual(self.cli_json("key", "list", "-p", "used", "--unused-since", "1h")["keys"], [])

    def test_a_key_or_a_project_that_is_there_is_needed(self):
        self.assertIn("a key ID or --project", self.cli("usage", expect=USAGE).err)
        self.cli("usage", cli_support.NO_KEY_ID, "--project", "default", expect=USAGE)
        self.assertIn("KEY_NOT_FOUND", self.cli("usage", cli_support.NO_KEY_ID, expect=DENIED).err)
        self.assertIn("PROJECT_NOT_FOUND", self.cli("usage", "--project", "nowhere", expect=DENIED).err)

    def test_a_span_that_is_too_long_names_the_flag(self):
        told = self.cli("usage", "--project", "default", "--since", "100y", expect=USAGE).err
        self.assertIn("--since: must be at most 1000 days before --until", told)
        self.assertNotIn("start_time", told)

    def test_no_line_is_wider_than_the_terminal(self):
        key, key_id = self.issue("-p", "default", "-n", "k")
        self.cli("verify", stdin=key)
        self.store_what_was_counted()
        for columns in (40, 80, 120):
            for line in self.cli("usage", key_id, COLUMNS=str(columns)).out.splitlines():
                self.assertLessEqual(len(line), columns)


if __name__ == "__main__":
    unittest.main()
