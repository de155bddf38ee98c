import semver from 'semver';
import SemVer from 'semver/classes/semver.js';

console.log(semver.valid('v1.2.3'), semver.clean(' =v2.0 '), semver.coerce('abc 4.5 x').version, semver.parse('1.2.3-beta.4+build').prerelease, semver.major('3.1.0'), semver.valid('x'));
console.log(semver.gt('1.10.0', '1.9.9'), semver.compare('1.0.0-rc.1', '1.0.0'), semver.satisfies('1.4.2', '^1.2 || >=3 <3.5'), semver.satisfies('2.0.0-a', '^2'), semver.satisfies('2.0.0-a', '^2', { includePrerelease: true }));
console.log(['1.10.0', '1.2.0', '1.2.0-b', '2.0.0'].sort(semver.compare), semver.maxSatisfying(['1.2.3', '1.9.0', '2.0.0'], '~1.2 || 1.x'), semver.minVersion('>1.2').version, semver.validRange('1.x - 2'), semver.intersects('^1.2', '~1.5'));
console.log(semver.inc('1.2.3', 'minor'), semver.inc('1.2.3', 'prerelease', 'beta'), semver.diff('1.2.3', '2.0.0'), semver.outside('3.0.0', '^2', '>'), semver.simplifyRange(['1.0.0', '1.1.0', '2.0.0'], '>=1.0.0 <1.2.0'), new SemVer('1.2.3') + '');
try {
  new SemVer('nothing');
} catch (error) {
  console.log(error.name, error.message);
}
