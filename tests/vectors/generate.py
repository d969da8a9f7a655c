#!/usr/bin/env python3
"""Writes the test vectors of docs/key-format.md, from nothing but hashlib, hmac and zlib.

It shares no code with the C++ sources: what both agree on is the format.

    generate.py           writes key_format.json and digest.json beside itself
    generate.py --check   writes nothing, fails when the files are not what it would write
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SCANNER_REGEX = r"[a-z][a-z0-9]{1,15}_(?:live|test)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}"


def base62(number, width):
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    assert number == 0, "too large for the width"
    return digits


def checksum(text):
    return base62(zlib.crc32(text.encode()), 6)


def with_checksum(text):
    return text + checksum(text)


def secret_bytes(name):
    return hashlib.sha256(f"claviger test vector {name}".encode()).digest()


def make_key(prefix, environment, key_id, secret):
    return with_checksum(
        f"{prefix}_{environment}_{key_id}_{base62(int.from_bytes(secret, 'big'), 43)}")


def valid_keys():
    ordinary = "00Yx3kTq7LmNp0aB"
    for prefix, environment, key_id, secret, about in [
        ("clv", "live", ordinary, secret_bytes("ordinary"), "an ordinary key"),
        ("clv", "test", ordinary, secret_bytes("ordinary"), "the same secret, environment test"),
        ("a0", "live", "0000000000000001", secret_bytes("short"), "the shortest prefix"),
        ("abcdefghij012345", "test", "00zzzzzzzzzzzzzz", secret_bytes("long"),
         "the longest prefix"),
        ("clv", "live", "7Zabcdefghijklmn", secret_bytes("cell"), "a key id of another cell"),
        ("clv", "live", ordinary, bytes(32), "the smallest secret"),
        ("clv", "live", ordinary, bytes(31) + b"\x01", "the secret 1"),
        ("clv", "live", ordinary, b"\x80" + bytes(31), "the highest bit alone"),
        ("clv", "live", ordinary, b"\xff" * 32, "the largest secret"),
        ("live", "live", ordinary, secret_bytes("live"), "a prefix that looks like an environment"),
    ]:
        key = make_key(prefix, environment, key_id, secret)
        yield {
            "about": about,
            "key": key,
            "prefix": prefix,
            "environment": environment,
            "key_id": key_id,
            "secret_hex": secret.hex(),
            "checksum": key[-6:],
            "masked_key": key[:8] + "\u2026" + key[-4:],
        }


def invalid_keys():
    key_id = "00Yx3kTq7LmNp0aB"
    secret = base62(int.from_bytes(secret_bytes("ordinary"), "big"), 43)
    key = with_checksum(f"clv_live_{key_id}_{secret}")
    too_large = base62(2**256, 43)
    for about, text in [
        ("nothing", ""),
        ("a word", "password"),
        ("only the public head", f"clv_live_{key_id}"),
        ("without checksum", key[:-6]),
        ("one character short", key[:-1]),
        ("one character more", key + "0"),
        ("a blank in front", " " + key),
        ("a line end behind", key + "\n"),
        ("a NUL behind", key + "\0"),
        ("a NUL inside", key[:30] + "\0" + key[31:]),
        ("another checksum", key[:-6] + "000000"),
        ("two neighbouring characters changed places", key[:40] + key[41] + key[40] + key[42:]),
        ("another case", key.upper()),
        ("environment prod", with_checksum(f"clv_prod_{key_id}_{secret}")),
        ("environment Live", with_checksum(f"clv_Live_{key_id}_{secret}")),
        ("no prefix", with_checksum(f"_live_{key_id}_{secret}")),
        ("a prefix of one character", with_checksum(f"c_live_{key_id}_{secret}")),
        ("a prefix of 17 characters", with_checksum(f"{'c' * 17}_live_{key_id}_{secret}")),
        ("a prefix that begins with a digit", with_checksum(f"1lv_live_{key_id}_{secret}")),
        ("an upper-case prefix", with_checksum(f"CLV_live_{key_id}_{secret}")),
        ("an underscore in the prefix", with_checksum(f"c_v_live_{key_id}_{secret}")),
        ("no underscore behind the key id", with_checksum(f"clv_live_{key_id}{secret}")),
        ("another joint", with_checksum(f"clv-live-{key_id}-{secret}")),
        ("a key id of 15 characters", with_checksum(f"clv_live_{key_id[:-1]}_{secret}")),
        ("a key id of 17 characters", with_checksum(f"clv_live_{key_id}0_{secret}")),
        ("a key id with a hyphen", with_checksum(f"clv_live_{key_id[:-1]}-_{secret}")),
        ("a secret of 42 characters", with_checksum(f"clv_live_{key_id}_{secret[:-1]}")),
        ("a secret of 44 characters", with_checksum(f"clv_live_{key_id}_0{secret}")),
        ("a secret with an underscore", with_checksum(f"clv_live_{key_id}_{secret[:-1]}_")),
        ("a secret with a letter outside ASCII",
         with_checksum(f"clv_live_{key_id}_{secret[:-2]}\u00e9")),
        ("the secret 2^256", with_checksum(f"clv_live_{key_id}_{too_large}")),
        ("the largest 43 digits", with_checksum(f"clv_live_{key_id}_{'z' * 43}")),
    ]:
        yield {"about": about, "key": text}


def hkdf_sha256(secret, info):
    """RFC 5869 without a salt, 32 bytes."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def digest_of(pepper, key_id, key_hash):
    return hmac.new(pepper, b"claviger.v1" + key_id.encode() + key_hash, hashlib.sha256)


def digests(keys):
    peppers = {
        "2030-01": secret_bytes("pepper"),
        # As long as a block of SHA-256, and longer: HMAC hashes such a key first.
        "block": secret_bytes("block") * 2,
        "long": secret_bytes("long pepper") * 3,
    }
    cases = []
    for pepper_id, pepper in peppers.items():
        for row in keys[:3]:
            key_hash = hashlib.sha256(row["key"].encode()).digest()
            cases.append({
                "key": row["key"],
                "key_id": row["key_id"],
                "key_hash": key_hash.hex(),
                "pepper_id": pepper_id,
                "digest": digest_of(pepper, row["key_id"], key_hash).hexdigest(),
            })
    text = "sk_1234567890abcdef"
    imported = []
    for pepper_id, pepper in peppers.items():
        for number, algorithm in ((1, "sha256"), (2, "sha512")):
            text_hash = hashlib.new(algorithm, text.encode()).digest()
            imported.append({
                "pepper_id": pepper_id,
                "text": text,
                "algorithm": algorithm,
                "text_hash": text_hash.hex(),
                "digest": hmac.new(pepper, b"claviger.imported.v1" + bytes([number]) + text_hash,
                                   hashlib.sha256).hexdigest(),
            })
    canary_hash = hashlib.sha256(b"claviger.canary").digest()
    return {
        "pepper_file": "".join(f"{pepper_id}:{base64.b64encode(pepper).decode()}\n"
                               for pepper_id, pepper in peppers.items()),
        "cases": cases,
        "imported": imported,
        "canaries": [{
            "pepper_id": pepper_id,
            "digest": digest_of(pepper, "0" * 16, canary_hash).hexdigest(),
        } for pepper_id, pepper in peppers.items()],
        "derived_keys": [{
            "pepper_id": pepper_id,
            "purpose": purpose,
            "key": hkdf_sha256(pepper, purpose.encode()).hex(),
        } for pepper_id, pepper in peppers.items() for purpose in ("test", "another purpose", "")],
    }


def main():
    valid = list(valid_keys())
    for row in valid:
        assert re.fullmatch(SCANNER_REGEX, row["key"]), row
    files = {
        "key_format.json": {
            "scanner_regex": SCANNER_REGEX,
            "valid": valid,
            "invalid": list(invalid_keys()),
        },
        "digest.json": digests(valid),
    }
    here = pathlib.Path(__file__).resolve().parent
    stale = []
    for name, content in files.items():
        text = json.dumps(content, indent=2) + "\n"
        if sys.argv[1:] != ["--check"]:
            (here / name).write_text(text)
        elif (here / name).read_text() != text:
            stale.append(name)
    if stale:
        sys.exit(f"not what generate.py writes: {', '.join(stale)}")


if __name__ == "__main__":
    main()
