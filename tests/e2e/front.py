"""Debian's nginx with the configuration that we ship, in front of a clavigerd, as deploy/nginx/README.md sets the two up."""

import json
import os
import pathlib
import re
import subprocess

import support
from certificates import Certificates

SHIPPED = support.ROOT / "deploy" / "nginx" / "claviger.conf"
NGINX = support.tool("nginx", support.TOOLS / "nginx" / "usr" / "sbin", "/usr/sbin")

# What Debian's nginx.conf says where it includes conf.d, as far as it matters, with everything in one folder.
AROUND = """
daemon off;
pid {folder}/nginx.pid;
lock_file {folder}/nginx.lock;
error_log stderr notice;
worker_processes 1;
{user}
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/tmp-body;
    proxy_temp_path {folder}/tmp-proxy;
    fastcgi_temp_path {folder}/tmp-fastcgi;
    uwsgi_temp_path {folder}/tmp-uwsgi;
    scgi_temp_path {folder}/tmp-scgi;
    access_log {folder}/access.log;
    include {folder}/claviger.conf;
}}
"""


def require_nginx():
    if not NGINX:
        support.skip("no nginx: ./dev test fetches it from Debian's package nginx")


class Backend:
    """A clavigerd on loopback that lets nobody in but the front."""

    def __init__(self, folder, flags=(), certificates=None):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.certificates = certificates or Certificates(self.folder)
        self._flags = list(flags)
        self.port, http_port = support.free_ports(2)
        self.http = f"127.0.0.1:{http_port}"
        self.process = None

    def start(self):
        """Starts on the ports of before."""
        pepper = self.folder / "pepper"
        if not pepper.exists():
            self.data.mkdir(mode=0o700)
            make = [support.binary("clavigerd"), "new-pepper", "p1", "--pepper-file", str(pepper)]
            subprocess.run(make, check=True, capture_output=True)
        (self.folder / "callers.json").write_text(json.dumps({"callers": []}), encoding="utf-8")
        path = self.certificates.path
        command = [
            support.binary("clavigerd"), "--data", str(self.data), "--pepper-file", str(pepper),
            "--listen", f"127.0.0.1:{self.port}", "--http-listen", self.http, "--client-auth", "require",
            "--tls-cert", path("server.crt"), "--tls-key", path("server.key"), "--tls-client-ca", path("proxy.crt"),
            "--caller-map", str(self.folder / "callers.json"), *self._flags,
        ]  # fmt: skip
        self.process = support.Process(command, self.folder / "clavigerd.log")
        support.wait_until(
            lambda: support.http_get(f"http://{self.http}/readyz")[0] == 200,
            support.START_SECONDS,
            "clavigerd to be ready",
            alive=lambda: self.process.running,
        )

    def stop(self):
        status = self.process.stop()
        if status != 0:
            raise AssertionError(f"clavigerd ended with status {status}:\n{self.process.log()}")

    def root_key(self):
        return (self.data / "root.key").read_text(encoding="ascii").strip()


class Front:
    """An nginx for a Backend. `changes` are (text of the shipped file, what stands there instead)."""

    def __init__(self, backend, changes=()):
        self.folder = backend.folder
        (self.port,) = support.free_ports(1)
        path = backend.certificates.path
        text = SHIPPED.read_text(encoding="utf-8")
        for old, new in (
            ("server 127.0.0.1:7430", f"server 127.0.0.1:{backend.port}"),
            ("listen 7420 ", f"listen 127.0.0.1:{self.port} "),
            ("/etc/nginx/claviger/front.crt", path("server.crt")),
            ("/etc/nginx/claviger/front.key", path("server.key")),
            ("/etc/nginx/claviger/proxy.crt", path("proxy.crt")),
            ("/etc/nginx/claviger/proxy.key", path("proxy.key")),
            ("/etc/nginx/claviger/backend-ca.crt", path("ca.crt")),
            ("/etc/nginx/claviger/clients.crt", path("ca.crt")),
            *changes,
        ):
            if old not in text:
                raise AssertionError(f"{SHIPPED} has no {old!r}")
            text = text.replace(old, new)
        (self.folder / "claviger.conf").write_text(text, encoding="utf-8")
        user = "user root root;" if os.geteuid() == 0 else ""
        around = AROUND.format(folder=self.folder, user=user)
        (self.folder / "nginx.conf").write_text(around, encoding="utf-8")
        self._command = [NGINX, "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def check(self):
        """(exit status, output) of `nginx -t`."""
        done = subprocess.run([*self._command, "-t"], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self):
        self.process = support.Process(self._command, self.folder / "nginx.log")
        support.wait_until(
            lambda: "start worker process " in self.process.log(),
            support.START_SECONDS,
            "nginx to start",
            alive=lambda: self.process.running,
        )

    def stop(self):
        self.process.stop()

    def workers(self):
        """The process ids of the workers that run now."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def crashed(self):
        """What the log says of workers that ended by a signal."""
        return re.findall(r".*exited on signal.*", self.process.log())
