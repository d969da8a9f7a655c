#!/usr/bin/env python3
"""The whole story through Python stubs made by Debian's python3-grpc-tools, as a user in another language would tell it."""

import datetime
import hashlib
import unittest

import support

support.require_stubs()


class PythonStubsTest(support.ServerTestCase):
    def setUp(self):
        super().setUp()
        self.stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(self.stubs.close)

    # The shortest way to each call.

    def create_project(self, project_id, **fields):
        request = self.stubs.project.CreateProjectRequest(project={"project_id": project_id, **fields})
        return self.stubs.call("CreateProject", request).project

    def issue(self, project_id="default", display_name="a key", **fields):
        request = self.stubs.authority.IssueKeyRequest(project_id=project_id, display_name=display_name, **fields)
        return self.stubs.call("IssueKey", request)

    def verify(self, key, **fields):
        return self.stubs.call("Verify", self.stubs.verifier.VerifyRequest(key=key, **fields))

    def code(self, answer):
        return self.stubs.verifier.VerifyCode.Name(answer.code)[len("VERIFY_CODE_") :]

    def state(self, info):
        return self.stubs.key.KeyState.Name(info.state)[len("KEY_STATE_") :]

    def refusal(self, method, request, stubs=None):
        """(code name, details) of a call that must be refused."""
        stubs = stubs or self.stubs
        with self.assertRaises(stubs.grpc.RpcError) as caught:
            stubs.call(method, request)
        return caught.exception.code().name, stubs.details(caught.exception)

    # Behaviours.

    def test_created_project_is_read_back(self):
        made = self.create_project("web", display_name="Web", scope_catalog=["orders:read", "orders:write"])
        read = self.stubs.call("GetProject", self.stubs.project.GetProjectRequest(project_id="web")).project
        self.assertEqual(read, made)
        self.assertEqual(list(read.scope_catalog), ["orders:read", "orders:write"])

    def test_issued_key_is_read_back_without_its_secret(self):
        expires = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
        request = self.stubs.authority.IssueKeyRequest(
            project_id="default",
            display_name="billing",
            description="for the tests",
            environment=self.stubs.key.ENVIRONMENT_TEST,
            scopes=["orders:read", "orders:write"],
            owner="customer-7",
            labels={"team": "blue"},
            allowed_cidrs=["10.0.0.0/8"],
        )
        request.expire_time.FromDatetime(expires.replace(tzinfo=None))
        request.metadata.update({"plan": "gold"})
        issued = self.stubs.call("IssueKey", request)
        read = self.stubs.call(
            "GetKey", self.stubs.authority.GetKeyRequest(key_id=issued.info.key_id)
        ).info
        self.assertEqual(read, issued.info)
        self.assertEqual(read.display_name, "billing")
        self.assertEqual(read.metadata["plan"], "gold")
        self.assertEqual(dict(read.labels), {"team": "blue"})
        self.assertEqual(read.expire_time.seconds, int(expires.timestamp()))
        self.assertEqual(self.state(read), "ACTIVE")
        self.assertTrue(issued.key.startswith(read.key_prefix))
        secret = issued.key[len(read.key_prefix) + 1 :]
        self.assertNotIn(secret[:12].encode(), read.SerializeToString())

    def test_list_filters_and_pages(self):
        self.create_project("shop")
        ids = [
            self.issue("shop", f"key {i}", owner="even" if i % 2 == 0 else "odd").info.key_id for i in range(5)
        ]
        self.issue("default", "elsewhere")

        def pages(**fields):
            found, token = [], ""
            while True:
                request = self.stubs.authority.ListKeysRequest(
                    project_ids=["shop"], page_size=2, page_token=token, **fields
                )
                answer = self.stubs.call("ListKeys", request)
                self.assertLessEqual(len(answer.keys), 2)
                found.append([key.key_id for key in answer.keys])
                token = answer.next_page_token
                if not token:
                    return [key_id for page in found for key_id in page]

        self.assertEqual(sorted(pages()), sorted(ids))
        self.assertEqual(sorted(pages(owner="odd")), sorted([ids[1], ids[3]]))
        self.assertEqual(pages(name_contains="KEY 4"), [ids[4]])
        self.assertEqual(pages(order_by="name"), ids)
        counted = self.stubs.call(
            "ListKeys", self.stubs.authority.ListKeysRequest(project_ids=["shop"], include_total_size=True)
        )
        self.assertEqual(counted.total_size, 5)

    def test_scopes_narrow_and_widen(self):
        issued = self.issue(scopes=["orders:*"])
        self.assertTrue(self.verify(issued.key, required_scopes=["orders:write"]).valid)
        narrowed = self.stubs.call(
            "UpdateScopes",
            self.stubs.authority.UpdateScopesRequest(
                key_id=issued.info.key_id, replace_with={"scopes": ["orders:read"]}
            ),
        )
        self.assertEqual((list(narrowed.added), list(narrowed.removed)), (["orders:read"], ["orders:*"]))
        self.assertEqual(narrowed.propagation.outcome, self.stubs.key.PROPAGATION_OUTCOME_ALL_ACKED)
        denied = self.verify(issued.key, required_scopes=["orders:read", "orders:write"])
        self.assertEqual(self.code(denied), "INSUFFICIENT_SCOPE")
        self.assertEqual(list(denied.missing_scopes), ["orders:write"])
        self.stubs.call(
            "UpdateScopes",
            self.stubs.authority.UpdateScopesRequest(key_id=issued.info.key_id, add=["orders:write"]),
        )
        self.assertTrue(self.verify(issued.key, required_scopes=["orders:read", "orders:write"]).valid)

    def test_digest_verifies_without_the_key(self):
        issued = self.issue(scopes=["orders:read"], owner="customer-7")
        digest = {"key_id": issued.info.key_id, "sha256": hashlib.sha256(issued.key.encode()).digest()}
        answer = self.stubs.call("Verify", self.stubs.verifier.VerifyRequest(digest=digest))
        self.assertEqual(self.code(answer), "VALID")
        self.assertEqual(answer.grant.owner, "customer-7")
        digest["sha256"] = bytes(32)
        answer = self.stubs.call("Verify", self.stubs.verifier.VerifyRequest(digest=digest))
        self.assertEqual(self.code(answer), "NOT_FOUND")

    def test_batch_answers_in_order(self):
        good, other = self.issue(), self.issue(scopes=["orders:read"])
        checks = [
            {"key": good.key},
            {"key": "garbage"},
            {"key": other.key, "required_scopes": ["orders:write"]},
            {"key": other.key, "required_scopes": ["not a scope"]},
        ]
        answer = self.stubs.call("BatchVerify", self.stubs.verifier.BatchVerifyRequest(checks=checks))
        outcomes = [
            self.code(result.response) if result.HasField("response") else result.error.reason
            for result in answer.results
        ]
        self.assertEqual(outcomes, ["VALID", "NOT_FOUND", "INSUFFICIENT_SCOPE", "FIELD_INVALID"])

    def test_disabled_key_comes_back_and_revoked_key_does_not(self):
        issued = self.issue()
        key_id = issued.info.key_id
        authority = self.stubs.authority
        disabled = self.stubs.call("DisableKey", authority.DisableKeyRequest(key_id=key_id))
        self.assertEqual(self.state(disabled.info), "DISABLED")
        self.assertEqual(self.code(self.verify(issued.key)), "DISABLED")
        self.stubs.call("EnableKey", authority.EnableKeyRequest(key_id=key_id))
        self.assertEqual(self.code(self.verify(issued.key)), "VALID")
        revoked = self.stubs.call(
            "RevokeKey",
            authority.RevokeKeyRequest(
                key_id=key_id, reason=self.stubs.key.REVOKE_REASON_COMPROMISED, note="found in a log"
            ),
        )
        self.assertEqual(self.state(revoked.info), "REVOKED")
        self.assertEqual(revoked.propagation.outcome, self.stubs.key.PROPAGATION_OUTCOME_ALL_ACKED)
        self.assertEqual(self.code(self.verify(issued.key)), "REVOKED")
        code, details = self.refusal("EnableKey", authority.EnableKeyRequest(key_id=key_id))
        self.assertEqual((code, details["ErrorInfo"].reason), ("FAILED_PRECONDITION", "KEY_REVOKED"))
        self.assertEqual(self.code(self.verify(issued.key)), "REVOKED")

    def test_bad_field_is_named_in_the_details(self):
        code, details = self.refusal(
            "IssueKey", self.stubs.authority.IssueKeyRequest(project_id="default", display_name="x" * 129)
        )
        self.assertEqual(code, "INVALID_ARGUMENT")
        self.assertEqual(details["ErrorInfo"].domain, "claviger")
        self.assertEqual(details["ErrorInfo"].reason, "FIELD_INVALID")
        violations = details["BadRequest"].field_violations
        self.assertEqual([violation.field for violation in violations], ["display_name"])
        self.assertIn("128", violations[0].description)

    def test_unknown_key_is_named_in_the_details(self):
        code, details = self.refusal("GetKey", self.stubs.authority.GetKeyRequest(key_id="0" * 16))
        self.assertEqual((code, details["ErrorInfo"].reason), ("NOT_FOUND", "KEY_NOT_FOUND"))
        self.assertEqual(details["ResourceInfo"].resource_name, "0" * 16)

    def test_caller_without_a_key_is_refused(self):
        nobody = support.Stubs(self.server.address)
        self.addCleanup(nobody.close)
        code, details = self.refusal("ListKeys", nobody.authority.ListKeysRequest(), nobody)
        self.assertEqual((code, details["ErrorInfo"].reason), ("UNAUTHENTICATED", "CREDENTIAL_MISSING"))

    def test_retry_with_the_same_request_id_gives_the_same_key(self):
        fields = {"request_id": "7f3b0f5e-3c55-4b0e-9d3c-0d6f5a1b2c3d", "scopes": ["orders:read"]}
        first, second = self.issue(**fields), self.issue(**fields)
        self.assertEqual(first.key, second.key)
        self.assertEqual(first.info.key_id, second.info.key_id)
        fields["scopes"] = ["orders:write"]
        code, details = self.refusal(
            "IssueKey",
            self.stubs.authority.IssueKeyRequest(project_id="default", display_name="a key", **fields),
        )
        self.assertEqual((code, details["ErrorInfo"].reason), ("ALREADY_EXISTS", "REQUEST_ID_REUSED"))

    def test_no_secret_reaches_log_or_metrics(self):
        issued = self.issue()
        self.verify(issued.key)
        self.verify(issued.key[:-1] + "!")
        root = self.server.root_key()
        told = self.server.process.log() + self.server.metrics()
        for secret in (issued.key, issued.key[len(issued.info.key_prefix) + 1 :], root):
            self.assertNotIn(secret, told)


if __name__ == "__main__":
    unittest.main()
