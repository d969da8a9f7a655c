#!/usr/bin/env python3
"""Leaked keys and keys of elsewhere, with the real programs: scan, lookup, import."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import unittest

import cli_support
import support

OK, DENIED, USAGE, UNREACHABLE, PENDING, FOUND = range(6)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def sha512(text):
    return hashlib.sha512(text.encode()).hexdigest()


class ScanTest(cli_support.CliTestCase):
    def scan(self, *arguments, **more):
        return self.cli("scan", *arguments, **more)

    def test_a_key_in_a_file_is_found_and_not_shown(self):
        key, key_id = self.issue("-p", "default", "-n", "leaked", "--owner", "bob")
        (self.folder / "config.py").write_text(f"import os\n\nTOKEN = '{key}'\n")
        found = self.scan("config.py", expect=FOUND)
        self.assertRegex(found.out, rf"^config\.py:3:10: {key[:8]}….{{4}}  ACTIVE  key {key_id}, project default, owner bob\n$")
        self.assertIn("1 real, 1 not revoked", found.err)
        self.assertNotIn(key, found.out + found.err)
        line = json.loads(self.scan("config.py", "-o", "json", expect=FOUND).out)
        self.assertEqual((line["line"], line["column"], line["keyId"], line["real"]), (3, 10, key_id, True))
        self.assertEqual((line["state"], line["projectId"], line["owner"]), ("ACTIVE", "default", "bob"))
        self.cli("key", "revoke", key_id)
        self.assertIn("REVOKED", self.scan("config.py").out)

    def test_what_is_no_key_of_this_server_is_no_find(self):
        vectors = json.loads((support.ROOT / "tests" / "vectors" / "key_format.json").read_text(encoding="utf-8"))
        texts = [row["key"] for row in vectors["valid"]]
        result = self.scan("-", stdin="\n".join(texts))
        self.assertEqual(result.out.count("no key of this server"), len(texts))
        self.assertEqual(self.scan("-", "--offline", stdin="\n".join(texts), expect=FOUND).out.count("well-formed"), len(texts))
        for row in vectors["invalid"]:
            # Some of them hold a whole key between other characters.
            if not any(text in row["key"] for text in texts):
                self.assertEqual(self.scan("-", "--offline", stdin=row["key"]).out, "", row["about"])

    def test_the_expression_of_the_docs_finds_what_scan_finds(self):
        vectors = json.loads((support.ROOT / "tests" / "vectors" / "key_format.json").read_text(encoding="utf-8"))
        documented = (support.ROOT / "docs" / "key-format.md").read_text(encoding="utf-8")
        self.assertIn(vectors["scanner_regex"], documented)
        expression = re.compile(vectors["scanner_regex"])
        for row in vectors["valid"]:
            self.assertEqual(expression.search(f"token={row['key']};").group(), row["key"])
        for line in documented.splitlines():
            for expression in re.findall(r"\[a-z\]\[a-z0-9\]\{1,15\}_\S+?\{49\}", line):
                for row in vectors["valid"]:
                    self.assertTrue(re.search(expression, row["key"]), expression)

    def test_big_and_binary_files_and_folders(self):
        key, key_id = self.issue("-p", "default", "-n", "leaked")
        tree = self.folder / "tree" / "deep"
        tree.mkdir(parents=True)
        with open(tree / "core.bin", "wb") as out:
            block = os.urandom(1 << 20)
            for _ in range(64):
                out.write(block)
            out.write(key.encode())
            for _ in range(64):
                out.write(block)
        (tree / "loop").symlink_to(tree)
        (tree / "empty").write_bytes(b"")
        result = self.scan("tree", expect=FOUND)
        self.assertEqual(result.out.count(key_id), 1, result)
        self.assertIn("core.bin", result.out)
        self.assertIn("2 files", result.err)

    def test_revoke(self):
        key, key_id = self.issue("-p", "default", "-n", "leaked")
        disabled, disabled_id = self.issue("-p", "default", "-n", "leaked too")
        self.cli("key", "disable", disabled_id)
        text = f"{key} {disabled} {key}"
        nobody_to_ask = self.scan("--revoke", "-", stdin=text, expect=USAGE)
        self.assertIn("--yes", nobody_to_ask.err)
        done = self.scan("--revoke", "--yes", "--note", "in a chat", "-", stdin=text)
        self.assertIn(f"{key_id}  revoked; no verifier held it (0 sessions)", done.out)
        self.assertIn(f"{disabled_id}  revoked;", done.out)
        shown = self.cli("key", "get", key_id).out
        self.assertRegex(shown, r"reason +COMPROMISED")
        self.assertRegex(shown, r"note +in a chat")
        self.assertIn("0 not revoked", self.scan("-", stdin=text).err)

    def test_revoke_asks_on_a_terminal(self):
        key, key_id = self.issue("-p", "default", "-n", "leaked")
        (self.folder / "ask.txt").write_text(key)
        for answer, code, state in ((b"n\n", FOUND, "ACTIVE"), (b"y\n", OK, "REVOKED")):
            mine, theirs = pty.openpty()
            process = subprocess.Popen(
                [support.binary("claviger"), "scan", "--revoke", "ask.txt"],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address, "TERM": "dumb"},
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            os.close(theirs)
            os.write(mine, answer)
            out, err = process.communicate(timeout=cli_support.RUN_SECONDS)
            os.close(mine)
            self.assertEqual(process.returncode, code, (out, err))
            self.assertIn(b"Revoke this key for good? [y/N]", err)
            self.assertEqual(self.cli_json("key", "get", key_id)["info"]["state"], f"KEY_STATE_{state}")

    def test_what_goes_wrong(self):
        key, _ = self.issue("-p", "default", "-n", "leaked")
        missing = self.scan("missing.txt", expect=USAGE)
        self.assertIn("missing.txt: not scanned", missing.err)
        # The rest is scanned all the same, and a find counts for more.
        (self.folder / "there.txt").write_text(key)
        self.scan("missing.txt", "there.txt", expect=FOUND)
        nowhere = f"127.0.0.1:{support.free_ports(1)[0]}"
        self.cli("scan", "there.txt", "--server", nowhere, "--timeout", "1s", expect=UNREACHABLE)
        self.cli("scan", "there.txt", "--server", nowhere, "--offline", expect=FOUND)
        lookup, _ = self.issue("-p", "claviger", "-n", "reader", "-s", "keys.read")
        self.cli("scan", "there.txt", expect=DENIED, CLAVIGER_KEY=lookup)


class LookupTest(cli_support.CliTestCase):
    def test_by_text_and_by_head(self):
        key, key_id = self.issue("-p", "default", "-n", "lost")
        head = key.rsplit("_", 1)[0]
        self.assertIn(key_id, self.cli("key", "lookup", stdin=key).out)
        self.assertEqual(self.cli_json("key", "lookup", head)["match"], "LOOKUP_MATCH_PREFIX")
        answer = self.cli_json("key", "lookup", stdin=key + "\n")
        self.assertEqual((answer["info"]["keyId"], answer["match"]), (key_id, "LOOKUP_MATCH_SECRET"))
        self.assertNotIn(key, json.dumps(answer))
        self.cli("key", "lookup", stdin=key[:-1] + "x", expect=DENIED)
        self.cli("key", "lookup", "clv_live_nonsense", expect=USAGE)
        # A key in an argument is refused before anything is sent.
        self.assertIn("does not belong in arguments", self.cli("key", "lookup", key, expect=USAGE).err)


class ImportTest(cli_support.CliTestCase):
    def setUp(self):
        self.project = f"p{self._testMethodName.replace('_', '-')}"[:60].rstrip("-")
        self.cli("project", "create", self.project, "-s", "orders:read", "-s", "orders:write")

    def write(self, name, rows):
        with open(self.folder / name, "w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows(rows)
        return name

    def test_csv_of_many_rows_twice(self):
        rows = [["sha256", "name", "scopes", "owner", "labels", "expires", "cidrs", "masked"]]
        rows += [[sha256(f"old-{i}"), f"key, \"{i}\"", "orders:read orders:write", "bob", "team=blue;n=1", "2090-01-01", "", f"old…{i % 10}"]
                 for i in range(2500)]
        name = self.write("many.csv", rows)
        dry = self.cli("import", name, "-p", self.project, "--dry-run")
        self.assertEqual(dry.out, "2500 would be imported, 0 there before, 0 rejected\n")
        self.assertEqual(self.cli("verify", stdin="old-7", expect=DENIED).out, "DENIED NOT_FOUND\n")
        self.assertEqual(self.cli("import", name, "-p", self.project).out, "2500 imported, 0 there before, 0 rejected\n")
        self.assertEqual(self.cli("import", name, "-p", self.project).out, "0 imported, 2500 there before, 0 rejected\n")
        good = self.cli("verify", "-s", "orders:write", stdin="old-2499").out
        self.assertTrue(good.startswith("VALID\n"), good)
        answer = self.cli_json("key", "lookup", stdin="old-7")["info"]
        self.assertEqual((answer["displayName"], answer["imported"], answer["maskedKey"]), ('key, "7"', True, "old…7"))
        self.assertEqual(answer["labels"], {"team": "blue", "n": "1"})
        self.cli("key", "revoke", answer["keyId"])
        self.assertEqual(self.cli("verify", stdin="old-7", expect=DENIED).out, "DENIED REVOKED\n")
        self.assertEqual(self.cli("import", name, "-p", self.project).out, "0 imported, 2500 there before, 0 rejected\n")
        self.assertEqual(self.cli("verify", stdin="old-7", expect=DENIED).out, "DENIED REVOKED\n")

    def test_json_lines_and_standard_input(self):
        lines = [
            {"sha512": sha512("j-1"), "name": "one", "scopes": ["orders:read"], "metadata": {"plan": "pro"}},
            {"sha256": sha256("j-2"), "name": "two", "labels": {"team": "blue"}, "ttl": "30d"},
        ]
        text = "\n".join(json.dumps(line) for line in lines)
        answer = self.cli_json("import", "-", "--format", "jsonl", "-p", self.project, stdin=text)
        self.assertEqual((answer["importedCount"], answer["rejectedCount"]), ("2", "0"))
        self.cli("verify", "-s", "orders:read", stdin="j-1")
        self.cli("verify", stdin="j-2")
        piped = self.cli("import", "-", "-p", self.project, stdin=f"sha256,name\r\n{sha256('j-3')},three\r\n")
        self.assertEqual(piped.out, "1 imported, 0 there before, 0 rejected\n")

    def test_bad_rows_are_reported_and_do_not_stop_the_others(self):
        name = self.write(
            "bad.csv",
            [
                ["sha256", "name", "scopes", "expires"],
                [sha256("b-1"), "good", "", ""],
                ["abc", "short digest", "", ""],
                [sha256("b-3"), "", "", ""],
                [sha256("b-4"), "admin", "admin", ""],
                [sha256("b-5"), "a date", "", "soon"],
                [sha256("b-6")],
                [sha256("b-7"), "good, too", "orders:read", "2090-01-01"],
            ],
        )
        result = self.cli("import", name, "-p", self.project, "--report", "rejected.csv", expect=DENIED)
        self.assertEqual(result.out, "2 imported, 0 there before, 5 rejected\n")
        report = list(csv.reader(io.StringIO((self.folder / "rejected.csv").read_text(encoding="utf-8"))))
        self.assertEqual(report[0], ["row", "line", "reason", "message"])
        by_row = {int(row[0]): row for row in report[1:]}
        # In the order of the file, whether the program or the server found them bad.
        self.assertEqual(list(by_row), [2, 3, 4, 5, 6])
        self.assertIn("sha256: must be 32 bytes", by_row[2][3])
        self.assertIn("display_name", by_row[3][3])
        self.assertEqual(by_row[4][2], "SCOPE_NOT_IN_CATALOG")
        self.assertIn("expires: must be a time", by_row[5][3])
        self.assertIn("has 1 fields", by_row[6][3])
        self.assertEqual(by_row[6][1], "7")
        shown = self.cli("import", name, "-p", self.project, expect=DENIED)
        self.assertIn("row 2 (line 3): sha256", shown.err)
        self.cli("verify", stdin="b-7")

    def test_a_row_that_is_not_utf8_does_not_stop_the_others(self):
        rows = f"sha256,name\n{sha256('u-1')},b\xffad\n{sha256('u-2')},good\n"
        (self.folder / "latin.csv").write_bytes(rows.encode("latin-1"))
        result = self.cli("import", "latin.csv", "-p", self.project, expect=DENIED)
        self.assertEqual(result.out, "1 imported, 0 there before, 1 rejected\n")
        self.assertEqual(result.err, "row 1 (line 2): name: must be UTF-8 (FIELD_INVALID)\n")

    def test_files_that_are_none(self):
        (self.folder / "header.csv").write_text("digest,name\n")
        self.assertIn("no column 'digest'", self.cli("import", "header.csv", "-p", self.project, expect=USAGE).err)
        (self.folder / "quote.csv").write_text(f'sha256,name\n{sha256("q-1")},one\n{sha256("q-2")},"two\n')
        broken = self.cli("import", "quote.csv", "-p", self.project, expect=USAGE)
        self.assertIn("line 3: a quote is never closed", broken.err)
        self.assertIn("1 imported", broken.out)
        self.cli("import", "missing.csv", "-p", self.project, expect=USAGE)
        self.cli("import", "quote.csv", "-p", "claviger", expect=DENIED)
        self.cli("import", "quote.csv", "-p", "nowhere", expect=DENIED)

    def test_an_interrupt_says_where_it_was_and_the_next_run_goes_on(self):
        process = subprocess.Popen(
            [support.binary("claviger"), "import", "-", "-p", self.project],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        rows = "".join(f"{sha256(f'i-{i}')},key\n" for i in range(1500))
        process.stdin.write(f"sha256,name\n{rows}".encode())
        process.stdin.flush()
        # The first thousand go out when the next row comes; then it waits for more rows.
        support.wait_until(
            lambda: self.cli_json("key", "list", "-p", self.project, "--limit", "1")["keys"], support.START_SECONDS, "a first row"
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=cli_support.RUN_SECONDS)
        self.assertEqual(process.returncode, DENIED, (out, err))
        self.assertIn(b"stopped behind row 1000; run it again to go on", err)
        self.assertIn(b"1000 imported", out)
        (self.folder / "rest.csv").write_text(f"sha256,name\n{rows}")
        self.assertEqual(self.cli("import", "rest.csv", "-p", self.project).out, "500 imported, 1000 there before, 0 rejected\n")

    def test_progress_is_shown_on_a_terminal_only(self):
        rows = "".join(f"{sha256(f't-{i}')},key\n" for i in range(1200))
        (self.folder / "progress.csv").write_text(f"sha256,name\n{rows}")
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            [support.binary("claviger"), "import", "progress.csv", "-p", self.project],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "CLAVIGER_SERVER": self.server.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        out, _ = process.communicate(timeout=cli_support.RUN_SECONDS)
        shown = b""
        while select.select([mine], [], [], 0)[0]:
            try:
                shown += os.read(mine, 65536)
            except OSError:
                break
        os.close(mine)
        self.assertEqual(process.returncode, OK)
        self.assertIn(b"1000 rows, 0 rejected", shown)
        self.assertIn(b"[", shown)
        self.assertIn(b"1200 imported", out)
        self.assertEqual(self.cli("import", "progress.csv", "-p", self.project).err, "")


if __name__ == "__main__":
    unittest.main()
