#!/usr/bin/env python3
"""Holds documents to the tests that they name: each `Suite.Case`, `label.name` or pattern of these must be a test of CTest."""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ("SECURITY.md", "docs/faults.md", "docs/faults-found.md")
# What ends in Test is a suite of GoogleTest, and these are the first words of the other tests.
NAME = re.compile(r"`((?:\w*Test|abuse|crash|e2e|fuzz|history|layers|simulation)\.[\w*.]+)`")


def tests_of(build):
    """The names of all tests of a build."""
    listing = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True
    ).stdout
    return [test["name"] for test in json.loads(listing)["tests"]]


def main(build):
    tests = tests_of(build)
    named, missing = 0, []
    for document in DOCUMENTS:
        for number, line in enumerate((ROOT / document).read_text(encoding="utf-8").splitlines(), 1):
            for name in NAME.findall(line):
                named += 1
                if not fnmatch.filter(tests, name):
                    missing.append(f"{document}:{number}: there is no test {name}")
    print("\n".join(missing))
    print(f"{named} names in {len(DOCUMENTS)} documents, {len(missing)} of them of no test")
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
