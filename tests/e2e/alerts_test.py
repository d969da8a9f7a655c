#!/usr/bin/env python3
"""The alerts that we ship: promtool accepts and tests them, and a real clavigerd has every series that they look at."""

import os
import re
import subprocess
import unittest

import support

PROMTOOL = support.tool("promtool", support.TOOLS / "prometheus" / "usr" / "bin")
if not PROMTOOL:
    support.skip("no promtool: ./dev test fetches it from Debian's package prometheus")

EXAMPLE = support.ROOT / "deploy" / "prometheus" / "prometheus.yml"
RULES = EXAMPLE.with_name("rules.yml")
RULES_TEST = EXAMPLE.with_name("rules_test.yml")
# A metric in an expression, with the labels that it is selected by.
SELECTOR = re.compile(r"\b((?:claviger|grpc_server|process)_[a-z_]+)(?:\{([^}]*)\})?")
COUNT_SECONDS = 30


def promtool(*arguments):
    """(status, output) of promtool."""
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stdout + done.stderr


def label_matches(wanted, series):
    """Whether a series' labels, as they stand in the metrics, have what a selector asks for."""
    for name, operator, value in re.findall(r'(\w+)\s*(=~|=)\s*"([^"]*)"', wanted or ""):
        have = re.search(rf'\b{name}="([^"]*)"', series)
        if not have or not re.fullmatch(value if operator == "=~" else re.escape(value), have.group(1)):
            return False
    return True


class SeriesTest(support.ServerTestCase):
    def test_the_server_has_every_series_that_an_alert_looks_at(self):
        series = {}
        for line in self.server.metrics().splitlines():
            name, _, labels = line.partition(" ")[0].partition("{")
            series.setdefault(name, []).append(labels)
        selectors = []
        for expression in re.findall(r"expr:(.*?)\n        (?:for|labels):", RULES.read_text(encoding="utf-8"), re.DOTALL):
            selectors += SELECTOR.findall(expression)
        self.assertGreater(len(selectors), 15)
        for name, wanted in selectors:
            self.assertIn(name, series)
            self.assertTrue(any(label_matches(wanted, labels) for labels in series[name]), f"{name}{{{wanted}}}")


class KeyCountsTest(support.ServerTestCase):
    def issue(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address}
        environment["CLAVIGER_KEY"] = self.server.root_key()
        command = [support.binary("claviger"), "key", "issue", "-p", "default", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_keys_that_end_soon_and_those_of_a_project_are_counted(self):
        self.issue("-n", "ends soon", "--ttl", "3d")
        self.issue("-n", "ends later", "--ttl", "20d")
        self.assertNotIn("claviger_project_keys", self.server.metrics())
        self.server.stop()
        os.environ["CLAVIGER_METRICS_PROJECTS"] = "default,nowhere"
        self.addCleanup(os.environ.pop, "CLAVIGER_METRICS_PROJECTS")
        self.server.start_again()
        for line in (
            'claviger_keys_expiring{within="1d"} 0',
            'claviger_keys_expiring{within="7d"} 1',
            'claviger_keys_expiring{within="30d"} 2',
            'claviger_project_keys{project="default",state="active"} 2',
            'claviger_project_keys{project="nowhere",state="active"} 0',
        ):
            support.wait_until(lambda: line in self.server.metrics().splitlines(), COUNT_SECONDS, line)


class RulesTest(unittest.TestCase):
    def test_promtool_accepts_the_example(self):
        status, output = promtool("check", "config", str(EXAMPLE))
        self.assertEqual(status, 0, output)

    def test_promtool_accepts_the_alerts(self):
        status, output = promtool("check", "rules", str(RULES))
        self.assertEqual(status, 0, output)

    def test_alerts_fire_when_they_should_and_only_then(self):
        status, output = promtool("test", "rules", str(RULES_TEST))
        self.assertEqual(status, 0, output)

    def test_every_alert_is_tested(self):
        alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
        tested = RULES_TEST.read_text(encoding="utf-8")
        self.assertEqual([alert for alert in alerts if alert not in tested], [])

    def test_every_alert_is_explained(self):
        alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
        manual = (support.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        self.assertEqual([alert for alert in alerts if f"`{alert}`" not in manual], [])


if __name__ == "__main__":
    unittest.main()
