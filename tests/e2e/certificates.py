"""Certificates for tests that speak TLS, made by the openssl program."""

import pathlib
import ssl
import subprocess


class Certificates:
    """An authority (`ca`) with the certificates of a server, of a caller, and of one that no caller map names (`stranger`); and a
    certificate of its own, `proxy`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._make("ca", "DNS:ca.internal", [])
        self._make("proxy", "DNS:proxy.internal", [])
        for name, names in (
            ("server", "DNS:localhost,IP:127.0.0.1"),
            ("caller", "DNS:caller.internal"),
            ("stranger", "DNS:stranger.internal"),
        ):
            self._make(name, names, ["-CA", "ca.crt", "-CAkey", "ca.key"])

    def path(self, name):
        return str(self.folder / name)

    def read(self, name):
        return (self.folder / name).read_bytes()

    def context(self, name):
        """How a client that shows this certificate connects; `none`: without one."""
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        context.set_alpn_protocols(["h2"])
        if name != "none":
            context.load_cert_chain(self.path(f"{name}.crt"), self.path(f"{name}.key"))
        return context

    def _make(self, name, names, signer):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", *signer]
        command += ["-out", f"{name}.crt", "-keyout", f"{name}.key"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        (self.folder / f"{name}.key").chmod(0o600)
