#!/usr/bin/env python3
"""Reads the includes of our sources and fails on one that runs against the order of the layers.

The order, from the top; a folder may include from its own row and from rows below, never from above:

    main, app -> config -> rpc, transport -> verify, manage, sync -> usage, audit, limit, metrics
      -> the storage contract -> logging -> core
    app -> the concrete stores -> the storage contract
    cli, agent -> client -> core

Beside the order, some headers are for some folders only: see ONLY_IN. Folders of one row must not include each other in a circle.

Usage: check_layers.py [--self-test] [root]
"""

import collections
import pathlib
import re
import sys
import tempfile

# Folder -> height. The longest folder that a path starts with counts. `server/app` and `server/main` are files, not folders.
HEIGHT = {
    "core": 0,
    "server/logging": 1,
    "storage": 2,
    "server/usage": 3,
    "server/audit": 3,
    "server/limit": 3,
    "server/metrics": 3,
    "server/verify": 4,
    "server/manage": 4,
    "server/sync": 4,
    "server/rpc": 5,
    "server/transport": 5,
    "server/config": 6,
    "core/platform": 7,
    "storage/memory": 7,
    "storage/rocksdb": 7,
    "server": 8,
    "client/include": 0,
    "client/src": 7,
    "client/quickstart": 8,
    "client/cli": 8,
    "client/agent": 8,
}

# Folders whose height alone would let them see too much: they may include these only.
SEES_ONLY = {
    "core/platform": {"core", "core/platform"},
    "storage/memory": {"core", "storage", "storage/memory"},
    "storage/rocksdb": {"core", "storage", "storage/rocksdb"},
    "client/include": {"client/include"},
    "client/src": {"core", "core/platform", "client/include", "client/src"},
    "client/quickstart": {"client/include"},
    "client/cli": {"core", "core/platform", "client/include", "client/src", "client/cli"},
    "client/agent": {"core", "core/platform", "client/include", "client/src", "client/agent"},
}

# Start of an include -> folders that may have it, and why.
ONLY_IN = [
    (r"rocksdb/", {"storage/rocksdb"}, "RocksDB is seen by its store alone"),
    (r"claviger/storage/", {"storage/memory", "storage/rocksdb"}, "persisted messages are seen by the stores alone"),
    (r"claviger/v1/", {"server/rpc", "client/src", "client/cli", "client/agent"}, "public messages end in rpc/ and the client"),
    (r"google/rpc/", {"server/rpc", "client/src", "client/cli", "client/agent"}, "error details end in rpc/ and the client"),
    (
        r"claviger/(testing/)?\w+\.h",
        {"client/include", "client/src", "client/cli", "client/agent", "client/quickstart"},
        "the server does not know its client",
    ),
    (r"claviger/config/", {"server/manage", "server/config"}, "the caller map is read there"),
    (r"prometheus/", {"server/metrics"}, "metrics are registered in one place"),
    (r"civetweb", {"server/transport"}, "HTTP is served by transport/"),
    (r"spdlog/", {"server/logging"}, "logging has one door"),
    (
        r"grpc(pp)?/",
        {"server/rpc", "server/transport", "server/logging", "server", "client/include", "client/src", "client/cli", "client/agent"},
        "gRPC is seen where calls come in and go out",
    ),
]

# What the pure part must not use at all.
PURE = "core"
IMPURE = r"(thread|mutex|shared_mutex|condition_variable|chrono|random|ctime|absl/synchronization/.*|openssl/rand\.h|sys/random\.h)$"

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


# The client's public headers are included as their users include them.
PUBLIC_HEADER = re.compile(r"claviger/(testing/)?\w+\.h$")


def folder_of(path):
    """The named folder that a path from the root lies in, or None."""
    if PUBLIC_HEADER.match(path):
        return "client/include"
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        folder = "/".join(parts[:length])
        if folder in HEIGHT:
            return folder
    return None


def check_include(source, folder, include):
    """What is wrong with one include, or None."""
    for start, folders, why in ONLY_IN:
        if re.match(start, include) and folder not in folders:
            return f"{source}: includes {include}; {why}"
    if folder == PURE and re.match(IMPURE, include):
        return f"{source}: includes {include}; {PURE}/ has no threads and reads neither clocks nor entropy"
    target = folder_of(include)
    if target is None:
        return None
    allowed = SEES_ONLY.get(folder)
    if (target not in allowed) if allowed else (HEIGHT[target] > HEIGHT[folder]):
        return f"{source}: includes {include}; {folder} must not depend on {target}"
    return None


def find_circle(edges):
    """Folders that include each other in a circle, or None."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder) :] + [folder]
        if folder in done:
            return None
        path.append(folder)
        for target in sorted(edges[folder]):
            circle = visit(target)
            if circle:
                return circle
        path.pop()
        done.add(folder)
        return None

    for folder in sorted(edges):
        circle = visit(folder)
        if circle:
            return circle
    return None


def check(root):
    """All that is wrong in the tree, and the number of includes read."""
    errors, count, edges = [], 0, collections.defaultdict(set)
    for top in sorted({folder.split("/")[0] for folder in HEIGHT}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            source = path.relative_to(root).as_posix()
            folder = folder_of(source)
            if folder is None:
                errors.append(f"{source}: its folder has no place in the order of layers; give it one in HEIGHT")
                continue
            for include in INCLUDE.findall(path.read_text(encoding="utf-8")):
                count += 1
                error = check_include(source, folder, include)
                if error:
                    errors.append(error)
                target = folder_of(include)
                if target and target != folder:
                    edges[folder].add(target)
    circle = find_circle(edges)
    if circle:
        errors.append("a circle of folders: " + " -> ".join(circle))
    return errors, count


# What a tree holds, and a word of each error that it must give.
SELF_TESTS = [
    ({"server/rpc/a.cc": '#include "server/manage/b.h"'}, []),
    ({"server/manage/a.cc": '#include "server/rpc/b.h"'}, ["must not depend on server/rpc"]),
    ({"core/a.cc": '#include "storage/key_store.h"'}, ["must not depend on storage"]),
    ({"core/a.h": "#include <mutex>"}, ["no threads"]),
    ({"core/platform/a.cc": "#include <chrono>"}, []),
    ({"server/verify/a.cc": "#include <chrono>"}, []),
    ({"server/verify/a.cc": '#include "core/platform/system_clock.h"'}, ["must not depend on core/platform"]),
    ({"server/verify/a.cc": '#include "storage/rocksdb/store.h"'}, ["must not depend on storage/rocksdb"]),
    ({"server/app.cc": '#include "storage/rocksdb/store.h"'}, []),
    ({"storage/rocksdb/a.cc": "#include <rocksdb/db.h>"}, []),
    ({"storage/a.cc": "# include  <rocksdb/db.h>"}, ["RocksDB"]),
    ({"storage/rocksdb/a.cc": '#include "server/logging/log.h"'}, ["must not depend on server/logging"]),
    ({"server/manage/a.cc": '#include "claviger/v1/key.pb.h"'}, ["public messages"]),
    ({"client/src/a.cc": '#include "server/verify/verifier.h"'}, ["must not depend on server/verify"]),
    ({"client/cli/a.cc": '#include "claviger/v1/key.pb.h"'}, []),
    ({"client/src/a.cc": '#include "claviger/testing/b.h"'}, []),
    ({"client/include/claviger/a.h": '#include "claviger/b.h"'}, []),
    ({"client/include/claviger/a.h": '#include "core/b.h"'}, ["must not depend on core"]),
    ({"client/include/claviger/a.h": '#include "claviger/v1/key.pb.h"'}, ["public messages"]),
    ({"server/rpc/a.cc": '#include "claviger/client.h"'}, ["does not know its client"]),
    ({"client/new/a.cc": ""}, ["no place"]),
    (
        {"server/verify/a.cc": '#include "server/manage/b.h"', "server/manage/b.h": '#include "server/verify/c.h"'},
        ["circle"],
    ),
]


def self_test():
    """Shows that each rule finds what it is for."""
    for files, expected in SELF_TESTS:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text + "\n", encoding="utf-8")
            errors, _ = check(pathlib.Path(folder))
        found = len(errors) == len(expected) and all(word in error for word, error in zip(expected, errors))
        if not found:
            sys.exit(f"self-test failed: {files} gave {errors}, not {expected}")
    print(f"self-test: {len(SELF_TESTS)} cases as expected")


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        self_test()
        return 0
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parents[2]
    errors, count = check(root)
    for error in errors:
        print(error)
    if count == 0:
        print(f"no includes found under {root}")
        return 1
    print(f"{count} includes, {len(errors)} against the order")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
