import { assertEqual, run, test } from "wxmcp/test";

const issues: Record<string, unknown[]> = {
  core: [{ title: "It hangs", labels: ["bug"] }, { title: "Again", labels: ["bug", "urgent"] }],
  docs: [{ title: "A typo", labels: ["docs"] }],
};

test("counts labels of all repositories", async () => {
  const report = await run("triage.ts", {
    args: ["core", "docs"],
    tools: { "github.list_issues": ({ repo }) => issues[repo] },
  });
  assertEqual(report.value, { bug: 2, urgent: 1, docs: 1 });
  assertEqual(report.calls.map((call) => call.arguments.repo), ["core", "docs"]);
});

test("fails when a repository is missing", async () => {
  const report = await run("triage.ts", {
    args: ["core"],
    tools: { "github.list_issues": new Error("no such repository") },
  });
  assertEqual([report.outcome, report.error.message], ["raised", "no such repository"]);
});
