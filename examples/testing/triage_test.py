from wxmcp_test import ToolError, run

ISSUES = {
    "core": [{"title": "It hangs", "labels": ["bug"]}, {"title": "Again", "labels": ["bug", "urgent"]}],
    "docs": [{"title": "A typo", "labels": ["docs"]}],
}


def list_issues(repo, state):
    return ISSUES[repo]


def test_counts_labels_of_all_repositories():
    report = run("triage.py", ["core", "docs"], tools={"github.list_issues": list_issues})
    assert report.value == {"bug": 2, "urgent": 1, "docs": 1}
    assert [call.arguments["repo"] for call in report.calls] == ["core", "docs"]


def test_fails_when_a_repository_is_missing():
    report = run("triage.py", ["core"], tools={"github.list_issues": ToolError("no such repository")})
    assert report.outcome == "raised"
    assert report.error.message == "no such repository"
