"""Counts the open issues of repositories by label."""

import asyncio
import collections
import sys

from tools import github


async def main(repositories):
    pages = await asyncio.gather(*(github.list_issues(repo=it, state="open") for it in repositories))
    labels = collections.Counter(label for page in pages for issue in page for label in issue["labels"])
    return dict(labels.most_common())


await main(sys.argv[1:])
