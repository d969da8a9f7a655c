"""Real processes for the end-to-end tests: clavigerd on free ports with its data in a temporary folder, and stubs from proto/.

    class MyTest(support.ServerTestCase):
        def test_something(self):
            self.server.root_key()  # a server runs, and is stopped when the test ends

Standard library only, save for `Stubs`, which needs Debian's python3-grpcio and python3-grpc-tools.
"""

import importlib
import importlib.util
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CLAVIGER_BUILD_DIR", ROOT / "build" / "release"))
TOOLS = ROOT / "build" / "tools"
SKIP_STATUS = 77
START_SECONDS = 30
LOWEST_PORT = 10_000
STOP_SECONDS = 30


def binary(name):
    """Path of one of our programs."""
    return str(BUILD / "bin" / name)


def tool(name, *folders):
    """Path of somebody else's program on PATH or in one of the folders, or None."""
    found = shutil.which(name)
    for folder in folders:
        found = found or shutil.which(name, path=str(folder))
    return found


def skip(reason):
    """Ends this test program as skipped; ctest shows the reason."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP_STATUS)


def require_stubs():
    """Skips this test program where Python stubs cannot be made."""
    for module in ("grpc", "grpc_tools"):
        if importlib.util.find_spec(module) is None:
            skip(f"no {module}: Debian's python3-grpcio and python3-grpc-tools are not installed")


def free_ports(count):
    """Different TCP ports of 127.0.0.1 that nothing has; none that a connection could be given meanwhile."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as ports_of_connections:
        end = max(int(ports_of_connections.read().split()[0]), LOWEST_PORT + 10_000)
    found = []
    for port in random.sample(range(LOWEST_PORT, end), end - LOWEST_PORT):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} ports from {LOWEST_PORT} to {end} are free")


def wait_until(condition, seconds, what, alive=lambda: True):
    """Polls until the condition holds and returns its value; fails after so many seconds, or when `alive` turns false."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if not alive():
            raise AssertionError(f"ended while waiting for {what}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def http_get(url):
    """(status, body) of an HTTP GET; (None, reason) when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return None, str(error)


class Process:
    """A process of ours with its output in a file; only this process is ever signalled."""

    def __init__(self, command, log_path):
        self.command = command
        self.log_path = pathlib.Path(log_path)
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process.poll() is None

    def signal(self, number):
        """Sends a signal, to a process that has not been waited for."""
        self._process.send_signal(number)

    def wait(self, seconds):
        """The exit status, when it ends within so many seconds."""
        return self._process.wait(seconds)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def kill(self):
        """SIGKILL, as `kill -9`; returns when the process is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        """SIGTERM; the exit status, or SIGKILL and an error when it does not end in time."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command[0]} did not end within {STOP_SECONDS} s:\n{self.log()}") from None


class Server:
    """A clavigerd in trial mode. The data folder outlives the process: start() again continues with it."""

    def __init__(self, folder, flags=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.flags = list(flags)
        self.address = self.http = None
        self.process = None

    def start(self):
        """Starts on free ports and waits until the server says that it is ready."""
        grpc_port, http_port = free_ports(2)
        self.address = f"127.0.0.1:{grpc_port}"
        self.http = f"127.0.0.1:{http_port}"
        self.start_again()

    def start_again(self):
        """Starts on the ports of before, for those who still know them."""
        command = [binary("clavigerd"), "--dev", "--data", str(self.data)]
        command += ["--listen", self.address, "--http-listen", self.http] + self.flags
        self.process = Process(command, self.folder / "clavigerd.log")
        try:
            wait_until(
                lambda: http_get(f"http://{self.http}/readyz")[0] == 200,
                START_SECONDS,
                "clavigerd to be ready",
                alive=lambda: self.process.running,
            )
        except AssertionError as error:
            self.process.kill()
            raise AssertionError(f"{error}\n{self.process.log()}") from None

    def stop(self):
        """Stops as a service manager would; a clean stop exits with 0."""
        status = self.process.stop()
        if status != 0:
            raise AssertionError(f"clavigerd ended with status {status}:\n{self.process.log()}")

    def root_key(self):
        return (self.data / "root.key").read_text(encoding="ascii").strip()

    def metric(self, series):
        """The value of a series, e.g. `claviger_store_writable` or `claviger_keys{state="active"}`."""
        for line in self.metrics().splitlines():
            if line.startswith(series + " "):
                return float(line[len(series) + 1 :])
        raise AssertionError(f"/metrics has no {series}")

    def metrics(self):
        status, text = http_get(f"http://{self.http}/metrics")
        if status != 200:
            raise AssertionError(f"/metrics answered {status}: {text}")
        return text


class ServerTestCase(unittest.TestCase):
    """Tests with one server for each test, in a folder that goes with it."""

    FLAGS = ()  # more of clavigerd's

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server(self.folder, self.FLAGS)
        self.server.start()
        self.addCleanup(self._stop)

    def _stop(self):
        if self.server.process.running:
            self.server.stop()


class Stubs:
    """Python modules made from proto/ with Debian's grpc_tools, and calls through them with one caller's key."""

    _folder = None

    @classmethod
    def _generate(cls):
        """Makes the modules once for this process; they must come from what Debian packages."""
        if cls._folder is not None:
            return
        from grpc_tools import protoc  # here, so that other tests do not need it

        cls._folder = tempfile.TemporaryDirectory(prefix="claviger-stubs-")
        proto = ROOT / "proto"
        files = [str(path) for path in sorted((proto / "claviger" / "v1").glob("*.proto"))]
        files += [str(path) for path in sorted((proto / "third_party" / "google").rglob("*.proto"))]
        arguments = ["protoc", f"-I{proto / 'third_party'}", f"-I{proto}", "-I/usr/include"]
        arguments += [f"--python_out={cls._folder.name}", f"--grpc_python_out={cls._folder.name}"]
        if protoc.main(arguments + files) != 0:
            raise AssertionError("grpc_tools could not make stubs from proto/")
        sys.path.insert(0, cls._folder.name)
        import google  # Debian's, which does not look for google.rpc elsewhere by itself

        google.__path__.append(str(pathlib.Path(cls._folder.name, "google")))

    def __init__(self, address, key=None, own_connection=False, channel=None):
        """Callers of the same address share a connection, and what gRPC thinks of it, unless they want their own."""
        self._generate()
        self.grpc = importlib.import_module("grpc")
        self.key = importlib.import_module("claviger.v1.key_pb2")
        self.authority = importlib.import_module("claviger.v1.key_authority_pb2")
        self.lifecycle = importlib.import_module("claviger.v1.key_lifecycle_pb2")
        self.imports = importlib.import_module("claviger.v1.key_import_pb2")
        self.project = importlib.import_module("claviger.v1.project_pb2")
        self.verifier = importlib.import_module("claviger.v1.verifier_pb2")
        self.error_details = importlib.import_module("google.rpc.error_details_pb2")
        self.rpc_status = importlib.import_module("google.rpc.status_pb2")
        options = [("grpc.use_local_subchannel_pool", 1)] if own_connection else []
        self.channel = channel or self.grpc.insecure_channel(address, options=options)
        self.metadata = [("authorization", f"Bearer {key}")] if key else []
        services = {
            "claviger.v1.key_authority_pb2_grpc": "KeyAuthorityStub",
            "claviger.v1.project_pb2_grpc": "ProjectsStub",
            "claviger.v1.verifier_pb2_grpc": "VerifierStub",
        }
        self._services = [
            getattr(importlib.import_module(module), name)(self.channel) for module, name in services.items()
        ]

    def close(self):
        self.channel.close()

    def call(self, method, request):
        """The answer of the method of that name, whichever service has it."""
        for service in self._services:
            if hasattr(service, method):
                return getattr(service, method)(request, metadata=self.metadata, timeout=30)
        raise AttributeError(method)

    def details(self, error):
        """The google.rpc details of a failed call, by message name."""
        for name, value in error.trailing_metadata():
            if name == "grpc-status-details-bin":
                status = self.rpc_status.Status.FromString(value)
                break
        else:
            return {}
        found = {}
        for packed in status.details:
            kind = getattr(self.error_details, packed.type_url.rsplit(".", 1)[1])
            message = kind()
            packed.Unpack(message)
            found[kind.DESCRIPTOR.name] = message
        return found
