#!/usr/bin/env python3
"""Checks the model of the Sync protocol with Spin: the whole protocol must be clean, and with any rule taken away the
promise must be broken.

Usage: run.py [--work-dir DIR] [variant...]

Prints a line per variant. Exit status: 0 if everything came out as it should, 77 if Spin or a C compiler is missing.
"""

import argparse
import dataclasses
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "revocation.pml"
MEMORY_LIMIT = 2 << 30
TIME_LIMIT_SECONDS = 300
SKIPPED = 77

CLEAN = "clean"
ACCEPTED = "accepted"  # a check begun after RevokeKey returned
HELD_UP = "held up"  # a barrier, by a verifier that reads nothing
ASSERTIONS = {"accepted": ACCEPTED, "held_up": HELD_UP}


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    defines: tuple
    expected: str
    without: str


VARIANTS = (
    Variant("protocol", ("CHECK_WAIT",), CLEAN, "-"),
    Variant("permissions", ("PERMISSIONS", "CHECK_WAIT"), CLEAN, "-"),
    Variant("I1", ("NO_I1",), ACCEPTED, "the push comes before the wait"),
    Variant("I3", ("NO_I3",), ACCEPTED, "insert fence"),
    Variant("I3-order", ("NO_I3_ORDER",), ACCEPTED, "an answer's revision is read before its record"),
    Variant("I3-projects", ("PERMISSIONS", "NO_I3_PROJECTS"), ACCEPTED, "only keys of the Welcome's projects are kept"),
    Variant("I4-lease", ("NO_I4_LEASE",), ACCEPTED, "only with a lease one joins a flight"),
    Variant("I4-revision", ("NO_I4_REVISION",), ACCEPTED, "a joined answer is as new as the joining"),
    Variant("I4-projects", ("PERMISSIONS", "NO_I4_PROJECTS"), ACCEPTED, "a joined answer is of these projects"),
    Variant("I5", ("NO_I5",), ACCEPTED, "a hit needs a lease"),
    Variant("I6", ("NO_I6",), ACCEPTED, "a lease ends at the verifier first"),
    Variant("I7", ("NO_I7", "CHECK_WAIT"), HELD_UP, "a lease only for who has acknowledged"),
    Variant("I8-order", ("NO_I8_ORDER",), ACCEPTED, "what is not yet sent goes ahead of the Grant"),
    Variant("I8-whole", ("NO_I8_WHOLE",), ACCEPTED, "all of it does"),
    Variant("I8-reset", ("PERMISSIONS", "NO_I8_RESET"), ACCEPTED, "no resume under projects that the cache was not filled under"),
    Variant("I9", ("NO_I9",), ACCEPTED, "evicted first, acknowledged then"),
    Variant("I10", ("NO_I10",), ACCEPTED, "the gone are waited for"),
    Variant("I10-scope", ("PERMISSIONS", "NO_I10_SCOPE"), ACCEPTED, "who has yet to flush is waited for"),
    Variant("I11", ("NO_I11",), ACCEPTED, "leases of before a restart are waited for"),
    Variant("I11-again", ("NO_I11_AGAIN",), ACCEPTED, "also those of before the restart before"),
)


@dataclasses.dataclass(frozen=True)
class Result:
    seen: str
    states: int
    seconds: float


def call(command, folder):
    """The output of a program, which must succeed."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def verdict(report):
    """What a search came to, from its report; a search that was cut short is never clean."""
    violated = re.search(r"assertion violated\s+!\((\w+)\)", report)
    if violated:
        return ASSERTIONS.get(violated.group(1), report)
    errors = re.search(r"errors: (\d+)", report)
    cut_short = re.search(r"Search not completed|search depth too small|out of memory|memory limit", report)
    if errors is None or errors.group(1) != "0" or cut_short:
        return report
    return CLEAN


def search(variant, folder):
    """Builds and runs the verifier of a variant."""
    folder.mkdir(parents=True, exist_ok=True)
    for trail in folder.glob("*.trail"):
        trail.unlink()
    started = time.monotonic()
    call(["spin", "-a", *(f"-D{name}" for name in variant.defines), str(MODEL)], folder)
    # Every step is on shared variables: there is nothing for the partial order reduction to win.
    optimize = "-O2" if variant.expected == CLEAN else "-O0"  # the others are found in less than it takes to compile
    call(["gcc", optimize, "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"], folder)
    # -E: where nothing can go wrong any more the model stops on purpose.
    done = subprocess.run(
        ["./pan", "-E", "-m200000", "-w23"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIME_LIMIT_SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT)),
    )
    states = re.search(r"(\d+) states, stored", done.stdout)
    return Result(verdict(done.stdout), int(states.group(1)) if states else 0, time.monotonic() - started)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work-dir", type=pathlib.Path, help="where to build; a temporary folder by default")
    parser.add_argument("variant", nargs="*", help="only these")
    options = parser.parse_args(arguments)
    unknown = set(options.variant) - {variant.name for variant in VARIANTS}
    if unknown:
        parser.error(f"no such variant: {', '.join(sorted(unknown))}")
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed")
            return SKIPPED

    wrong = []
    with tempfile.TemporaryDirectory() as temporary:
        work_dir = options.work_dir or pathlib.Path(temporary)
        print(f"{'variant':12} {'states':>10} {'seconds':>8}  {'expected':9} {'seen':9} taken away", flush=True)
        for variant in VARIANTS:
            if options.variant and variant.name not in options.variant:
                continue
            result = search(variant, work_dir / variant.name)
            seen = result.seen if result.seen in (CLEAN, ACCEPTED, HELD_UP) else "?"
            print(
                f"{variant.name:12} {result.states:10} {result.seconds:8.1f}  {variant.expected:9} {seen:9} "
                f"{variant.without}",
                flush=True,
            )
            if seen != variant.expected:
                wrong.append(variant.name)
                if seen == "?":
                    print(result.seen)
    if wrong:
        print(f"not as expected: {', '.join(wrong)}")
        print(f"A trail can be read with: cd <work dir>/<variant> && spin -t -p -k {MODEL.name}.trail -D... {MODEL}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
