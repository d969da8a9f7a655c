#!/usr/bin/env python3
"""Pastes the README's grpcurl session, line by line, as a reader would."""

import os
import re
import subprocess
import unittest

import support

GRPCURL = support.tool("grpcurl", support.TOOLS / "bin")
if not GRPCURL:
    support.skip("no grpcurl: ./dev test builds one where there is Go 1.21 or newer")


README = (support.ROOT / "README.md").read_text(encoding="utf-8")


def block(language, word):
    """The README's first block in the language that has the word in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return next(text for text in blocks if word in text)


class ReadmeTest(support.ServerTestCase):
    def paste(self, script):
        """What a shell prints that gets these lines, in the folder where data/root.key is."""
        self.assertIn("127.0.0.1:7420", script)
        path = os.pathsep.join([os.path.dirname(GRPCURL), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail"],
            input=script.replace("127.0.0.1:7420", self.server.address),
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_grpcurl_session_works_when_pasted(self):
        told = self.paste(block("sh", "grpcurl -plaintext"))
        codes = re.findall(r'"code": "VERIFY_CODE_(\w+)"', told)
        self.assertEqual(codes, ["VALID", "INSUFFICIENT_SCOPE", "REVOKED"], told)
        self.assertIn('"state": "KEY_STATE_REVOKED"', told)

    def test_python_example_works(self):
        support.require_stubs()
        stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(stubs.close)
        issue = stubs.authority.IssueKeyRequest(project_id="default", display_name="a key", scopes=["orders:read"])
        example = block("python", "VerifierStub").replace("127.0.0.1:7420", self.server.address)
        example = example.replace("data/root.key", str(self.server.data / "root.key"))
        names = {}
        exec(compile(example, "README.md", "exec"), names)  # pylint: disable=exec-used
        self.assertTrue(names["allowed"](stubs.call("IssueKey", issue).key))
        self.assertFalse(names["allowed"]("garbage"))

    def test_cpp_example_compiles(self):
        source = self.folder / "example.cc"
        source.write_text(
            "#include <grpcpp/grpcpp.h>\n#include <chrono>\n#include <string>\n"
            '#include "claviger/v1/verifier.grpc.pb.h"\n' + block("cpp", "Verifier::Stub"),
            encoding="utf-8",
        )
        done = subprocess.run(
            ["c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", f"-I{support.BUILD / 'generated'}", str(source)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_table_of_settings_names_flags_that_exist(self):
        rows = re.findall(r"^\| (`--.*?) \|", README, re.MULTILINE)
        flags = set(re.findall(r"`--([a-z-]+)`", " ".join(rows)))
        self.assertGreater(len(flags), 5)
        told = subprocess.run(
            [support.binary("clavigerd"), "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        self.assertEqual(flags - set(re.findall(r"--([a-z-]+)", told)), set())


if __name__ == "__main__":
    unittest.main()
