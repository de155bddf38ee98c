from packaging.markers import Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version, parse

versions = [parse(text) for text in ("1.10", "1.9.post1", "2.0rc1", "2.0.dev3", "1!0.1", "2.0+local")]
print([str(version) for version in sorted(versions)], Version("1.2.3").release, Version("2.0rc1").is_prerelease)
wanted = SpecifierSet(">=1.2,<2,!=1.5.*")
print("1.4" in wanted, "1.5.1" in wanted, list(wanted.filter(["1.0", "1.3", "2.1"])), sorted(map(str, wanted)))
need = Requirement('requests[socks]>=2.8,<3; python_version >= "3.8" and extra == "x"')
print(need.name, sorted(need.extras), need.specifier, need.marker, need.marker.evaluate({"extra": "x"}))
print(Marker("os_name == 'posix'").evaluate(), sorted(default_environment()))
print(canonicalize_name("A.b_C"), parse_wheel_filename("pip-23.1-py3-none-any.whl")[:2])
for make in (lambda: Version("x.y"), lambda: Requirement("a >> 1")):
    try:
        make()
    except (InvalidVersion, InvalidRequirement) as error:
        print(error)
