#!/usr/bin/env python3
"""A real grpcurl against a real server: nothing but an address, by reflection."""

import json
import subprocess
import unittest

import support

GRPCURL = support.tool("grpcurl", support.TOOLS / "bin")
if not GRPCURL:
    support.skip("no grpcurl: ./dev test builds one where there is Go 1.21 or newer")


class GrpcurlTest(support.ServerTestCase):
    def grpcurl(self, method, request=None, key=None):
        """(exit status, parsed answer or error text) of one call."""
        command = [GRPCURL, "-plaintext", "-format-error"]
        if key:
            command += ["-H", f"authorization: Bearer {key}"]
        if request is not None:
            command += ["-d", json.dumps(request)]
        command += [self.server.address] + method.split()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            return done.returncode, done.stdout + done.stderr
        return 0, json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    def answer(self, method, request):
        status, answer = self.grpcurl(method, request, self.server.root_key())
        self.assertEqual(status, 0, answer)
        return answer

    def test_reflection_lists_the_services(self):
        status, answer = self.grpcurl("list")
        self.assertEqual(status, 0, answer)
        for service in ("Admin", "AuditLog", "KeyAuthority", "Projects", "Verifier"):
            self.assertIn(f"claviger.v1.{service}", answer)
        self.assertIn("grpc.health.v1.Health", answer)

    def test_health_is_serving_without_a_caller(self):
        status, answer = self.grpcurl("grpc.health.v1.Health/Check")
        self.assertEqual((status, answer), (0, {"status": "SERVING"}))

    def test_key_from_issue_to_revoke(self):
        issued = self.answer(
            "claviger.v1.KeyAuthority/IssueKey",
            {"project_id": "default", "display_name": "billing", "scopes": ["orders:read", "orders:write"], "ttl": "86400s"},
        )
        check = {"key": issued["key"], "required_scopes": ["orders:write"]}
        self.assertTrue(self.answer("claviger.v1.Verifier/Verify", check)["valid"])
        self.answer(
            "claviger.v1.KeyAuthority/UpdateScopes",
            {"key_id": issued["info"]["key_id"], "replace_with": {"scopes": ["orders:read"]}},
        )
        denied = self.answer("claviger.v1.Verifier/Verify", check)
        self.assertEqual(denied["code"], "VERIFY_CODE_INSUFFICIENT_SCOPE")
        self.assertNotIn("valid", denied)
        revoked = self.answer("claviger.v1.KeyAuthority/RevokeKey", {"key_id": issued["info"]["key_id"]})
        self.assertEqual(revoked["info"]["state"], "KEY_STATE_REVOKED")
        self.assertEqual(revoked["propagation"]["outcome"], "PROPAGATION_OUTCOME_ALL_ACKED")
        self.assertEqual(self.answer("claviger.v1.Verifier/Verify", check)["code"], "VERIFY_CODE_REVOKED")

    def test_refusal_shows_the_error_details(self):
        status, text = self.grpcurl(
            "claviger.v1.KeyAuthority/IssueKey",
            {"project_id": "default", "display_name": "x", "scopes": ["Not A Scope"]},
            self.server.root_key(),
        )
        self.assertEqual(status, 64 + 3, text)  # grpcurl: 64 + INVALID_ARGUMENT
        self.assertIn('"reason": "FIELD_INVALID"', text)
        self.assertIn('"domain": "claviger"', text)
        self.assertIn("scopes[0]", text)

    def test_caller_without_a_key_is_refused(self):
        status, text = self.grpcurl("claviger.v1.KeyAuthority/ListKeys", {})
        self.assertEqual(status, 64 + 16, text)  # grpcurl: 64 + UNAUTHENTICATED


if __name__ == "__main__":
    unittest.main()
