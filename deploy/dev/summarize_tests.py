#!/usr/bin/env python3
"""Says what ctest found: each failed test with its output, each skipped test with its reason, then one line of counts.

Reads the files of `ctest --output-junit`, and counts them as one. Exit status: 0 if nothing failed and something passed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

OUTPUT_LINES = 60


def skip_reason(case):
    """The reason that a skipped test printed: `SKIPPED: why`, or the line below GoogleTest's `...: Skipped`."""
    output = case.findtext("system-out") or ""
    match = re.search(r"^SKIPPED: *(.+)$", output, re.MULTILINE) or re.search(
        r": Skipped\n(.+)$", output, re.MULTILINE
    )
    if match:
        return match.group(1).strip()
    return "no reason given"


def chose_to_skip(case):
    """Whether the test itself asked to be skipped; one that ctest could not run (not built, say) did not."""
    skipped = case.find("skipped")
    return skipped is not None and skipped.get("message", "").startswith("SKIP_")


def cases_of(paths):
    """The tests of all files, each with the file that it is in; of several files their folders are in the names."""
    for path in paths:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if len(paths) > 1:
                case.set("name", f"{pathlib.Path(path).parent.name}: {case.get('name')}")
            case.set("file", path)
            yield case


def main(paths):
    passed, failed, skipped = [], [], []
    for case in cases_of(paths):
        status = case.get("status")
        if status == "run":
            passed.append(case)
        elif status == "disabled" or chose_to_skip(case):
            skipped.append(case)
        else:
            failed.append(case)

    for case in failed:
        lines = (case.findtext("system-out") or "").strip().splitlines()
        print(f"\nFAILED: {case.get('name')}")
        if len(lines) > OUTPUT_LINES:
            print(f"  (the last {OUTPUT_LINES} of {len(lines)} lines; all of them: {case.get('file')})")
        for line in lines[-OUTPUT_LINES:]:
            print(f"  {line}")
    if skipped:
        print("\nskipped:")
        for case in skipped:
            print(f"  {case.get('name')}: {skip_reason(case)}")
    if failed:
        print("\nfailed:")
        for case in failed:
            print(f"  {case.get('name')}")
    counts = f"{len(passed)} passed, {len(failed)} failed"
    if skipped:
        counts += f", {len(skipped)} skipped"
    print(f"\n{counts}")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
