#!/usr/bin/env python3
"""`kill -9` and start again: every key and project is as it was."""

import unittest

import support

support.require_stubs()


class KillRestartTest(support.ServerTestCase):
    def connect(self):
        stubs = support.Stubs(self.server.address, self.server.root_key())
        self.addCleanup(stubs.close)
        return stubs

    def restart(self, end):
        """Ends the server in that way, starts it again on the same data; stubs for the new one."""
        end()
        self.server.start()
        return self.connect()

    def snapshot(self, stubs):
        """All projects and keys."""
        keys = stubs.call(
            "ListKeys",
            stubs.authority.ListKeysRequest(states=range(1, 6), page_size=1000, order_by="create_time asc"),
        ).keys
        projects = stubs.call("ListProjects", stubs.project.ListProjectsRequest(page_size=1000)).projects
        for key in keys:
            # When a key was used last is counted beside the history, and may come later.
            for field in ("last_used_time", "last_used_address", "last_used_by"):
                key.ClearField(field)
        return {key.key_id: key for key in keys}, {project.project_id: project for project in projects}

    def make_some_of_each(self, stubs):
        """Keys in each state, in two projects; what each answers to a check."""
        authority = stubs.authority
        stubs.call("CreateProject", stubs.project.CreateProjectRequest(project={"project_id": "web"}))
        expected = {}
        for number in range(20):
            issued = stubs.call(
                "IssueKey",
                authority.IssueKeyRequest(
                    project_id="web" if number % 2 else "default", display_name=f"key {number}", scopes=["a:b", "c"]
                ),
            )
            key_id = issued.info.key_id
            if number % 4 == 1:
                stubs.call("UpdateScopes", authority.UpdateScopesRequest(key_id=key_id, remove=["a:b"]))
                expected[issued.key] = "INSUFFICIENT_SCOPE"
            elif number % 4 == 2:
                stubs.call("DisableKey", authority.DisableKeyRequest(key_id=key_id))
                expected[issued.key] = "DISABLED"
            elif number % 4 == 3:
                stubs.call("RevokeKey", authority.RevokeKeyRequest(key_id=key_id))
                expected[issued.key] = "REVOKED"
            else:
                expected[issued.key] = "VALID"
        return expected

    def answers(self, stubs, keys):
        """What each key answers to a check that needs a scope."""
        found = {}
        for key in keys:
            answer = stubs.call("Verify", stubs.verifier.VerifyRequest(key=key, required_scopes=["a:b"]))
            found[key] = stubs.verifier.VerifyCode.Name(answer.code)[len("VERIFY_CODE_") :]
        return found

    def test_everything_is_as_it_was_after_kill_and_after_stop(self):
        stubs = self.connect()
        expected = self.make_some_of_each(stubs)
        before = self.snapshot(stubs)
        root_key = self.server.root_key()
        for end in (self.server.process.kill, self.server.stop):
            stubs = self.restart(end)
            self.assertEqual(self.snapshot(stubs), before)
            self.assertEqual(self.answers(stubs, expected), expected)
            self.assertEqual(self.server.root_key(), root_key)

    def test_revision_goes_on_after_kill(self):
        stubs = self.connect()
        request = stubs.authority.IssueKeyRequest(project_id="default", display_name="a key")
        before = stubs.call("IssueKey", request).info.revision
        stubs = self.restart(self.server.process.kill)
        self.assertGreater(stubs.call("IssueKey", request).info.revision, before)


if __name__ == "__main__":
    unittest.main()
