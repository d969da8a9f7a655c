"""What is attacked: a clavigerd of its own in one of the configurations, watched from outside, and a caller who keeps to the rules."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import threading
import time

import front
import h2
import support
from certificates import Certificates

CALL_SECONDS = 30
SETTLE_SECONDS = 30
# What the shipped nginx says when clavigerd has ended the connection of a call.
FRONT_LOST_CONNECTION = "UNAVAILABLE: clavigerd does not answer the front"


@dataclasses.dataclass(frozen=True)
class Configuration:
    """How the server is set up, and with which certificate the attacker comes; `none` without one."""

    title: str
    client_auth: str | None  # None: plaintext
    attacker: str = "none"
    front: bool = False  # nginx in front, which is what is attacked


CONFIGURATIONS = {
    "no_certificate": Configuration("TLS with client certificates, attacker without one", "require"),
    "certificate": Configuration("TLS with client certificates, attacker with a valid one", "require", "stranger"),
    "tls": Configuration("TLS without client certificates", "none"),
    "plaintext": Configuration("plaintext on loopback", None),
    "nginx": Configuration("nginx in front, without client certificates", "require", front=True),
}


class Server:
    """A clavigerd in a configuration, on free ports, with its data in a folder."""

    def __init__(self, folder, configuration, more_flags=()):
        self.folder = pathlib.Path(folder)
        self.configuration = configuration
        self.data = self.folder / "data"
        self._flags = list(more_flags)
        self.certificates = None
        if configuration.client_auth is not None:
            self.certificates = Certificates(self.folder)
        self.process = None
        self.port = self.http = None

    def start(self):
        self.port, http_port = support.free_ports(2)
        self.http = f"127.0.0.1:{http_port}"
        command = [support.binary("clavigerd"), "--data", str(self.data)]
        command += ["--listen", f"127.0.0.1:{self.port}", "--http-listen", self.http]
        command += self._transport() + self._flags
        self.process = support.Process(command, self.folder / "clavigerd.log")
        try:
            support.wait_until(
                lambda: support.http_get(f"http://{self.http}/readyz")[0] == 200,
                support.START_SECONDS,
                "clavigerd to be ready",
                alive=lambda: self.process.running,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.log()}") from None

    def _transport(self):
        if self.certificates is None:
            return ["--dev"]
        pepper = self.folder / "pepper"
        self.data.mkdir(mode=0o700, exist_ok=True)
        if not pepper.exists():
            make = [support.binary("clavigerd"), "new-pepper", "p1", "--pepper-file", str(pepper)]
            subprocess.run(make, check=True, capture_output=True)
        callers = self.folder / "callers.json"
        callers.write_text(json.dumps({"callers": []}), encoding="utf-8")
        return [
            "--pepper-file", str(pepper), "--caller-map", str(callers),
            "--tls-cert", self.certificates.path("server.crt"), "--tls-key", self.certificates.path("server.key"),
            "--tls-client-ca", self.certificates.path("ca.crt"), "--client-auth", self.configuration.client_auth,
        ]  # fmt: skip

    def alive(self):
        """Whether everything of it runs that has to."""
        return self.process.running

    def log(self):
        """The end of what it has logged."""
        return self.process.log()[-4000:]

    def stop(self):
        status = self.process.stop()
        if status != 0:
            raise AssertionError(f"clavigerd ended with status {status}:\n{self.process.log()}")

    @property
    def pid(self):
        return self.process.pid

    def _public_port(self):
        return self.port

    def attacker(self):
        context = self.certificates.context(self.configuration.attacker) if self.certificates else None
        # From another address than the known caller has, as it would be.
        return h2.Target(("127.0.0.1", self._public_port()), context, source="127.0.0.2")

    def stubs(self):
        """Calls on a new connection, as the root key, and with the caller's certificate where there is TLS."""
        import grpc  # here, so that what needs no stubs runs without

        address = f"127.0.0.1:{self._public_port()}"
        # Else a new channel would go on with the connection of an earlier one.
        options = [("grpc.use_local_subchannel_pool", 1)]
        if self.certificates is None:
            channel = grpc.insecure_channel(address, options)
        else:
            read = self.certificates.read
            credentials = grpc.ssl_channel_credentials(read("ca.crt"), read("caller.key"), read("caller.crt"))
            channel = grpc.secure_channel(address, credentials, options)
        root_key = (self.data / "root.key").read_text(encoding="ascii").strip()
        return support.Stubs(address, root_key, channel=channel)

    def resident_mib(self):
        """Memory of the process in MiB; 0 when it is gone."""
        try:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) // 1024 if found else 0

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def descriptors(self):
        """Open files by the server's own count: nobody but root may look at those of a process that is not dumpable."""
        status, text = support.http_get(f"http://{self.http}/metrics")
        found = re.search(r"^process_open_fds (\S+)", text, re.MULTILINE)
        if status != 200 or not found:
            raise AssertionError(f"/metrics answered {status} without process_open_fds")
        return int(float(found[1]))


class FrontedServer(Server):
    """A clavigerd with nginx in front of it. Both are watched; the memory is clavigerd's."""

    def __init__(self, folder, configuration, more_flags=()):
        super().__init__(folder, configuration, more_flags)
        self._backend = front.Backend(folder, more_flags, self.certificates)
        self._front = None

    def start(self):
        self._backend.start()
        self.process, self.port, self.http = self._backend.process, self._backend.port, self._backend.http
        self._front = front.Front(self._backend)
        self._front.start()

    def _public_port(self):
        return self._front.port

    def alive(self):
        return super().alive() and self._front.process.running and not self._front.crashed()

    def log(self):
        return f"{super().log()}\nthe front:\n{self._front.process.log()[-4000:]}"

    def stop(self):
        self._front.stop()
        super().stop()


def make(folder, configuration, flags):
    return (FrontedServer if configuration.front else Server)(folder, configuration, flags)


class Watch:
    """Looks at the server's memory from beginning to end of a block."""

    def __init__(self, server):
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.before = self.peak = server.resident_mib()

    def _run(self):
        while not self._ended.wait(0.01):
            self.peak = max(self.peak, self._server.resident_mib())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


class KnownCaller:
    """Somebody who checks a key over and over, for the length of a block, on a connection that was there before."""

    def __init__(self, server):
        self._server = server
        self._stubs = server.stubs()
        issue = self._stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
        self._request = self._stubs.verifier.VerifyRequest(key=self._stubs.call("IssueKey", issue).key)
        self._ended = threading.Event()
        self._thread = None
        self.answered = 0
        self.failures = []
        self.slowest = 0.0

    def check(self, stubs=None):
        """What one check came to: empty, or what went wrong."""
        stubs = stubs or self._stubs
        began = time.monotonic()
        try:
            answer = stubs.call("Verify", self._request)
        except stubs.grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        return "" if answer.valid else f"denied: {answer.code}"

    def check_anew(self):
        """The same over a new connection."""
        stubs = self._server.stubs()
        try:
            return self.check(stubs)
        finally:
            stubs.close()

    def _run(self):
        while True:
            failure = self.check()
            if failure:
                self.failures.append(failure)
            else:
                self.answered += 1
            if self._ended.wait(0.005):
                return

    def __enter__(self):
        self.answered, self.failures, self.slowest = 0, [], 0.0
        self._ended.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def close(self):
        self._stubs.close()
