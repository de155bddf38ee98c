"""Has pip download wheels for the guest's Python. Its one argument is JSON; what it says besides pip's own words goes to a file.

pip takes the markers of the Python that it runs on, and prefers wheels with native code to pure ones of the same
version. So both are replaced here; of each file that pip looked at the name is noted, so that an error can say what exists.
It would also build what the metadata of a package names by a URL, whatever `--only-binary` says: what is no wheel is refused.
"""

import json
import os
import re
import sys

request = json.loads(sys.argv[1])

try:
    from pip._internal.cli.main import main
    from pip._internal.distributions.sdist import SourceDistribution
    from pip._internal.exceptions import InstallationError
    from pip._internal.index.package_finder import LinkEvaluator
    from pip._internal.models.target_python import TargetPython
    from pip._internal.operations.prepare import RequirementPreparer
    from pip._vendor.packaging import markers
    from pip._vendor.packaging.tags import Tag

    _evaluate = LinkEvaluator.evaluate_link
    _prepare = RequirementPreparer.prepare_linked_requirement
    SourceDistribution.prepare_distribution_metadata
    _names = [name for name in ("get_tags", "get_sorted_tags", "get_unsorted_tags") if hasattr(TargetPython, name)]
    markers.default_environment
    if not _names:
        raise ImportError("no tags of the target")
except (ImportError, AttributeError) as error:
    print(f"cannot use this pip: {error}", file=sys.stderr)
    sys.exit(90)

# The most preferred first.
TAGS = [Tag(*text.split("-")) for text in request["tags"]]

# Names of files that are kept of each project, the newest.
MOST = 200

seen = {}


def evaluate_link(self, link):
    """Notes a file that pip looks at."""
    found = _evaluate(self, link)
    name = re.sub("[-_.]+", "-", link.filename).lower()  # a folder of files has those of others
    if name.startswith(self._canonical_name + "-") and not str(found[1]).startswith("unsupported archive"):
        names = seen.setdefault(self._canonical_name, [])
        names.append([link.filename, getattr(found[0], "name", str(found[0])), str(found[1])])
        del names[:-MOST]
    return found


def prepare_linked_requirement(self, req, *args, **kwargs):
    """Prepares a wheel, which runs nothing of it."""
    if req.link is None or req.link.is_vcs or not req.link.is_wheel:
        raise InstallationError(f"`{req.name or req.link}` comes as source only, which is not built: {req.link}")
    return _prepare(self, req, *args, **kwargs)


def prepare_distribution_metadata(self, *args, **kwargs):
    """Would have a package say what it is, by running it."""
    raise InstallationError(f"`{self.req.name}` comes as source only, which is not built")


RequirementPreparer.prepare_linked_requirement = prepare_linked_requirement
SourceDistribution.prepare_distribution_metadata = prepare_distribution_metadata
markers.default_environment = lambda: dict(request["markers"])
LinkEvaluator.evaluate_link = evaluate_link
for _name in _names:
    _made = set if _name == "get_unsorted_tags" else list
    setattr(TargetPython, _name, lambda self, made=_made: made(TAGS))

os.environ["PIP_REQUIRE_VIRTUALENV"] = "0"
arguments = ["download", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
arguments += ["--only-binary", ":all:", "--python-version", request["version"], "--dest", request["folder"]]
arguments += request["arguments"]
status = main(arguments)
with open(request["report"], "w", encoding="utf-8") as file:
    json.dump(seen, file)
sys.exit(status)
