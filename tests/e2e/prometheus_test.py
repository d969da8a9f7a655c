#!/usr/bin/env python3
"""A real Prometheus server scrapes a real clavigerd, with the example configuration and the alerts that we ship."""

import json
import re
import shutil
import subprocess
import unittest
import urllib.parse

import support

support.require_stubs()
FOLDER = support.TOOLS / "prometheus" / "usr" / "bin"
PROMETHEUS = support.tool("prometheus", FOLDER)
PROMTOOL = support.tool("promtool", FOLDER)
if not PROMETHEUS or not PROMTOOL:
    support.skip("no prometheus and promtool: ./dev test fetches them from Debian's package prometheus")

EXAMPLE = support.ROOT / "deploy" / "prometheus" / "prometheus.yml"
RULES = EXAMPLE.with_name("rules.yml")
RULES_TEST = EXAMPLE.with_name("rules_test.yml")
# A metric in an expression, with the labels that it is selected by.
SELECTOR = re.compile(r"\b((?:claviger|grpc_server|process)_[a-z_]+)(?:\{([^}]*)\})?")
SCRAPE_SECONDS = 60


def promtool(*arguments):
    """(status, output) of promtool."""
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def label_matches(wanted, series):
    """Whether a series' labels, as they stand in the metrics, have what a selector asks for."""
    for name, operator, value in re.findall(r'(\w+)\s*(=~|=)\s*"([^"]*)"', wanted or ""):
        have = re.search(rf'\b{name}="([^"]*)"', series)
        if not have or not re.fullmatch(value if operator == "=~" else re.escape(value), have.group(1)):
            return False
    return True


class PrometheusTest(support.ServerTestCase):
    def make_traffic(self):
        """Some checks, so that counters and histograms have something to say."""
        stubs = support.Stubs(self.server.address, self.server.root_key())
        issued = stubs.call(
            "IssueKey", stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
        )
        for key in (issued.key, "garbage"):
            stubs.call("Verify", stubs.verifier.VerifyRequest(key=key))
        stubs.close()

    def start_prometheus(self):
        """Starts it on a free port with our example, pointed at this test's server; returns its address."""
        (port,) = support.free_ports(1)
        example = EXAMPLE.read_text(encoding="utf-8")
        config = example.replace("127.0.0.1:7421", self.server.http)
        config = re.sub(r"scrape_interval: \S+", "scrape_interval: 1s", config)
        config = re.sub(r"scrape_timeout: \S+", "scrape_timeout: 1s", config)
        self.assertIn(self.server.http, config)
        path = self.folder / "prometheus.yml"
        path.write_text(config, encoding="utf-8")
        shutil.copy(RULES, self.folder)
        process = support.Process(
            [
                PROMETHEUS,
                f"--config.file={path}",
                f"--storage.tsdb.path={self.folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            self.folder / "prometheus.log",
        )
        self.addCleanup(process.stop)
        return process, f"http://127.0.0.1:{port}"

    def query(self, address, expression):
        """The samples that an instant query finds; none while Prometheus is not answering."""
        status, body = support.http_get(f"{address}/api/v1/query?query={urllib.parse.quote(expression)}")
        return json.loads(body)["data"]["result"] if status == 200 else []

    def test_prometheus_scrapes_the_server(self):
        self.make_traffic()
        process, prometheus = self.start_prometheus()
        for expression in ('up{job="claviger"} == 1', '{__name__=~"claviger_.+"}', "grpc_server_handled_total > 0"):
            support.wait_until(
                lambda: self.query(prometheus, expression),
                SCRAPE_SECONDS,
                f"a sample of {expression}",
                alive=lambda: process.running,
            )
        status, body = support.http_get(f"{prometheus}/api/v1/rules")
        self.assertEqual(status, 200, body)
        loaded = [rule["name"] for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
        self.assertIn("ClavigerDown", loaded)

    def test_promtool_accepts_the_metrics(self):
        self.make_traffic()
        done = subprocess.run(
            [PROMTOOL, "check", "metrics"],
            input=self.server.metrics(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

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


class ExampleTest(unittest.TestCase):
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
