#!/usr/bin/env python3
"""Lets clang-14 read every source of ours with all warnings and the thread-safety analysis, without making objects.

Takes the commands of the gcc build (compile_commands.json), writes a Ninja file beside it and runs that, so that only what
changed is read again. Leaves tests out unless told: they take as long again, and hold few locks.
Usage: clang_check.py [--tests] <build folder>
"""

import json
import pathlib
import shlex
import subprocess
import sys

COMPILER = "clang++-14"
EXTRA = ["-fsyntax-only", "-Wthread-safety", "-Werror", "-Wno-unknown-warning-option"]
RULE = """\
rule read
  command = cd $dir && $read && touch $out
  depfile = $out.d
  deps = gcc
  description = $in
"""


def escape(text):
    return text.replace("$", "$$").replace(":", "$:").replace(" ", "$ ")


def command_of(entry, stamp):
    """The entry's command as clang's: same flags, another compiler, no object, dependencies beside the stamp."""
    words = shlex.split(entry["command"])
    while not words.pop(0).endswith("c++"):  # a launcher before the compiler
        pass
    flags = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ", "-include"):  # gcc's precompiled headers are not clang's
            skip = True
        elif word not in ("-c", "-MD", "-MMD", "-Winvalid-pch", "-fpch-preprocess", entry["file"]):
            flags.append(word)
    return shlex.join([COMPILER, *EXTRA, *flags, "-MMD", "-MF", f"{stamp}.d", "-MT", stamp, entry["file"]])


def main(arguments):
    with_tests = "--tests" in arguments
    build = pathlib.Path(arguments[-1]).resolve()
    tests = pathlib.Path(__file__).resolve().parents[2] / "tests"
    out = build / "clang"
    out.mkdir(exist_ok=True)
    generated = build / "generated"
    rules = [RULE]
    seen = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.name.startswith("cmake_pch") or source in seen or generated in source.parents or (tests in source.parents and not with_tests):
            continue
        seen.add(source)
        stamp = str(out / (str(source).strip("/").replace("/", "_") + ".ok"))
        rules.append(
            f"build {escape(stamp)}: read {escape(str(source))}\n"
            f"  dir = {entry['directory']}\n"
            f"  read = {command_of(entry, stamp).replace('$', '$$')}\n"
        )
    ninja_file = out / "build.ninja"
    ninja_file.write_text("\n".join(rules))
    return subprocess.run(["ninja", "-k", "0", "-f", str(ninja_file)], cwd=out, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
