// Counts the open issues of repositories by label.
import { listIssues } from "tools/github";

interface Issue {
  labels: string[];
}

const pages: Issue[][] = await Promise.all(
  process.argv.slice(2).map((repo) => listIssues({ repo, state: "open" })),
);
const labels: Record<string, number> = {};
for (const label of pages.flat().flatMap((issue) => issue.labels)) {
  labels[label] = (labels[label] ?? 0) + 1;
}
return labels;
