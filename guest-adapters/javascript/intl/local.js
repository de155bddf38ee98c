// The zone of the run, as a zone of dates.

import { localName, offsetAt } from '../zone.js';
import { zoneOf } from './zones.js';

let known;
let knownName;

export function localZone() {
  const name = localName();
  if (known !== undefined && knownName === name) return known;
  knownName = name;
  let zone;
  try {
    zone = zoneOf(name ?? 'UTC');
  } catch {
    zone = { name, isSummer: () => false };
  }
  // The host's database is the newer one.
  known = { ...zone, offset: offsetAt };
  return known;
}
