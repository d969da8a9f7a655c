#!/usr/bin/env python3
"""Secrets in every place where they do not belong: none comes back, and none stands in what the programs write down.

The server runs as talkative as it can be made, gRPC's own tracing included, and is spoken to by bytes that no client would send."""

import os
import pathlib
import re
import socket
import struct
import tempfile
import unittest

import cli_support
import support
from cli_support import DENIED, OK

# Of nobody's form, so that no pattern of keys finds it.
WORD = "cAnArY0wOrD0of0nO0kEy0fOrM"
# For an answer; a stream that goes on is left then.
SECONDS = 3


def frame(kind, flags, stream, payload):
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def length(number):
    """The length of a string in HPACK, without Huffman code (RFC 7541, section 5.1)."""
    if number < 127:
        return bytes([number])
    out, number = b"\x7f", number - 127
    while number >= 128:
        out, number = out + bytes([number % 128 + 128]), number // 128
    return out + bytes([number])


def literal(name, value):
    """A header field that is not indexed, whatever bytes it has."""
    return b"\0" + length(len(name)) + name + length(len(value)) + value


class RawCall:
    """A gRPC call by hand: `headers` in the place of or beside those that a client sends."""

    SETTINGS, HEADERS, DATA, END_STREAM, END_HEADERS = 4, 1, 0, 1, 4
    # More than a header block may be in one frame goes on in these.
    CONTINUATION, MOST = 9, 16384
    # RST_STREAM and GOAWAY.
    ENDS = (3, 7)

    def __init__(self, address, path, headers, message=b""):
        host, port = address.split(":")
        fields = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": address.encode()}
        fields.update({b"te": b"trailers", b"content-type": b"application/grpc"})
        fields.update(headers)
        block = b"".join(literal(name, value) for name, value in fields.items())
        parts = [block[at : at + self.MOST] for at in range(0, len(block), self.MOST)]
        out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(self.SETTINGS, 0, 0, b"")
        for i, part in enumerate(parts):
            last = self.END_HEADERS if i == len(parts) - 1 else 0
            out += frame(self.CONTINUATION if i else self.HEADERS, last, 1, part)
        out += frame(self.DATA, self.END_STREAM, 1, b"\0" + struct.pack(">I", len(message)) + message)
        self.answer = b""
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            try:
                connection.sendall(out)
                while not self._ended() and (part := connection.recv(65536)):
                    self.answer += part
            except OSError:
                pass  # to hang up is an answer too

    def _ended(self):
        """Whether the answer has a frame that ends the call, or the connection."""
        at = 0
        while at + 9 <= len(self.answer):
            kind, flags = self.answer[at + 3], self.answer[at + 4]
            at += 9 + int.from_bytes(self.answer[at : at + 3], "big")
            if at <= len(self.answer) and (kind in self.ENDS or (kind == self.HEADERS and flags & self.END_STREAM)):
                return True
        return False


def http(address, request):
    """What the HTTP port answers to these bytes."""
    host, port = address.split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass  # to hang up is an answer too
    return answer


class CanaryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="claviger-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        loud = {"GRPC_VERBOSITY": "DEBUG", "GRPC_TRACE": "all", "CLAVIGER_LOG_LEVEL": "debug"}
        os.environ.update(loud)
        self.addCleanup(lambda: [os.environ.pop(name) for name in loud])
        self.server = support.Server(self.folder)
        self.server.start()
        self.addCleanup(lambda: self.server.process.running and self.server.stop())
        self.root = self.server.root_key()
        self.told = ""
        answer = self.cli("key", "issue", "-p", "claviger", "-n", "reader", "-s", "keys.read", "-o", "json").json
        self.key = answer["key"]
        # What is not to be found: whole, without the public head, and by halves.
        self.needles = [WORD]
        for key in (self.root, self.key):
            secret = key[-49:-6]
            self.needles += [key, secret, secret[:21], secret[21:]]
        for line in (self.server.data / "pepper").read_text(encoding="ascii").split():
            self.needles.append(line.partition(":")[2])
        self.assertTrue(all(len(needle) > 20 for needle in self.needles))

    def cli(self, *arguments, stdin=None, expect=OK, **environment):
        environment.setdefault("GRPC_VERBOSITY", "DEBUG")
        environment.setdefault("GRPC_TRACE", "all")
        result = cli_support.run_cli(self.folder, self.server.address, arguments, stdin, **environment)
        self.assertEqual(result.code, expect, f"{arguments}: {result}")
        return result

    def expect_none(self, text, where):
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        for needle in self.needles:
            self.assertNotIn(needle, text, where)

    def expect_none_anywhere(self):
        """Not in what stays behind, nor in what can be asked for."""
        log = self.server.process.log()
        self.assertIn("serving", log)
        self.expect_none(log, "the log")
        self.expect_none(self.server.metrics(), "/metrics")
        self.expect_none(self.cli("audit", "list", "--all", "-o", "json").out, "the audit log")
        pid = self.server.process._process.pid  # pylint: disable=protected-access
        for file in ("cmdline", "environ"):
            content = pathlib.Path(f"/proc/{pid}/{file}").read_bytes()
            self.assertTrue(content)
            self.expect_none(content, file)
        self.server.stop()
        self.expect_none(self.server.process.log(), "the log of the end")
        files = 0
        for path in self.server.data.rglob("*"):
            # These two are where they belong.
            if path.is_file() and path.name not in ("root.key", "pepper"):
                self.expect_none(path.read_bytes(), path)
                files += 1
        self.assertGreater(files, 3)

    def test_in_headers(self):
        paths = [b"/claviger.v1.KeyAuthority/ListKeys", b"/claviger.v1.Verifier/Verify", b"/claviger.v1.Verifier/Sync"]
        paths += [b"/claviger.v1.AuditLog/WatchAuditEvents", b"/claviger.v1.Admin/Backup", b"/grpc.health.v1.Health/Check"]
        names = [b"authorization", b"x-canary", b"x-canary-bin", b"cookie", b"user-agent", b"grpc-timeout"]
        names += [b"content-type", b"te", b"grpc-encoding", b"grpc-accept-encoding", b"grpc-tags-bin", b":authority"]
        names += [b":scheme", b":method", b"host", b"grpc-previous-rpc-attempts", b"grpc-status", b"Authorization"]
        for secret in (WORD, self.key, self.root):
            good = secret.encode()
            values = [good, b"Bearer " + good, b"Basic " + good, b"Bearer  " + good + b"x", b"bearer\t" + good]
            # What no header may have: line ends, NUL, and what is not ASCII.
            values += [b"Bearer " + good + end for end in (b"\n", b"\0", b"\xff", b"\r\nx: " + good)]
            # More than all headers may have together, and more than a frame.
            values += [b"Bearer " + good * 400, b"Bearer " + good * 2000]
            for name in names:
                for value in values if name.lower() == b"authorization" else values[:1] + values[5:8]:
                    call = RawCall(self.server.address, paths[len(value) % len(paths)], {name: value})
                    self.expect_none(call.answer, (name, value[:20]))
            for path in (b"/" + good, b"/claviger.v1.KeyAuthority/" + good, good, b"/claviger.v1.Nothing/ListKeys"):
                call = RawCall(self.server.address, path, {b"authorization": b"Bearer " + good})
                self.expect_none(call.answer, path)
            # A message that is none, and a name of a header that is none.
            RawCall(self.server.address, paths[0], {b"authorization": b"Bearer " + self.root.encode()}, good)
            RawCall(self.server.address, paths[0], {good: b"value", b"x " + good: b"value"})
        self.assertTrue(self.server.process.running)
        # It was understood at all: a good call of this kind is answered.
        call = RawCall(self.server.address, paths[0], {b"authorization": b"Bearer " + self.root.encode()})
        self.assertIn(self.key[9:25].encode(), call.answer)
        self.expect_none(call.answer, "a list of keys")
        # gRPC had something to say of what it rejected.
        self.assertIn("gRPC reports a problem", self.server.process.log())
        self.expect_none_anywhere()

    def test_over_http(self):
        for secret in (WORD, self.key, self.root):
            target = f"/{secret}?key={secret}"
            for method in ("GET", "POST", "HEAD", "DELETE", secret):
                for path in (target, f"/metrics?key={secret}", f"/healthz/{secret}", f"/readyz#{secret}", target * 300):
                    head = f"{method} {path} HTTP/1.1\r\nHost: {secret}\r\nAuthorization: Bearer {secret}\r\n"
                    head += f"Cookie: key={secret}\r\nX-{secret}: {secret}\r\nContent-Length: {len(secret)}\r\n"
                    answer = http(self.server.http, (head + f"Connection: close\r\n\r\n{secret}").encode())
                    self.expect_none(answer, (method, path[:40]))
            for bytes_ in (secret, f"{secret}\r\n\r\n", f"GET {secret}", f"GET / {secret}\r\n\r\n", f"GET / HTTP/1.1\r\n{secret}\r\n\r\n"):
                self.expect_none(http(self.server.http, bytes_.encode()), bytes_)
        self.assertIn(b"200", http(self.server.http, b"GET /healthz HTTP/1.0\r\n\r\n").split(b"\r\n")[0])
        self.expect_none_anywhere()

    def test_on_the_command_line(self):
        """Commands that go well and that go wrong, with gRPC's tracing on: the key that they show is in no output."""
        key_file = self.folder / "reader.key"
        key_file.write_text(self.key, encoding="ascii")
        key_file.chmod(0o600)
        reader = ["--key-file", str(key_file)]
        runs = [([], ["status"], OK), ([], ["key", "list", "--all"], OK), (reader, ["key", "list", "-o", "json"], OK)]
        runs += [(reader, ["project", "list"], DENIED), (reader, ["key", "get", self.key[9:25]], OK)]
        runs += [(reader, ["audit", "list"], DENIED), (reader, ["usage", "-p", "default"], DENIED)]
        for credential, arguments, code in runs:
            result = self.cli(*credential, *arguments, expect=code)
            self.expect_none(result.out + result.err, arguments)
        for key in (self.key, self.root):
            for arguments in (["verify"], ["key", "lookup"]):
                result = self.cli(*arguments, stdin=key)
                self.expect_none(result.out + result.err, arguments)
        for text in (WORD, self.key + "x", self.key[:-1], "Bearer " + self.key):
            result = cli_support.run_cli(self.folder, self.server.address, ["key", "list"], CLAVIGER_KEY=text)
            self.assertNotEqual(result.code, OK)
            self.expect_none(result.out + result.err, "a wrong CLAVIGER_KEY")
        result = cli_support.run_cli(self.folder, "127.0.0.1:1", ["key", "list"], CLAVIGER_KEY=self.key)
        self.expect_none(result.out + result.err, "nobody there")
        self.expect_none_anywhere()

    def test_a_secret_is_found_where_there_is_one(self):
        """Shows that the checks of the others can fail."""
        for needle in self.needles:
            with self.assertRaises(AssertionError):
                self.expect_none(f"… {needle} …".encode(), "here")
        self.assertTrue(re.search(rb"root\.key", self.server.process.log().encode()))


if __name__ == "__main__":
    unittest.main()
