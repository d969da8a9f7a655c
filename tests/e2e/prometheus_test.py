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
SCRAPE_SECONDS = 60


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


if __name__ == "__main__":
    unittest.main()
