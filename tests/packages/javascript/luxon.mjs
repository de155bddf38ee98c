import { DateTime, Duration, FixedOffsetZone, IANAZone, Info, Interval, Settings } from 'luxon';

Settings.defaultLocale = 'en-US';
const time = DateTime.fromISO('2024-01-31T13:04:05.678Z', { zone: 'utc' });
console.log(time.toISO(), time.plus({ months: 1 }).toISODate(), time.startOf('week').toISO(), time.toFormat("cccc d LLLL yyyy, h:mm a 'Q'q ZZZZ"), time.weekNumber, time.daysInMonth);
console.log(time.setZone('America/New_York').toISO(), time.setZone('Asia/Kolkata').toFormat('HH:mm ZZ'), DateTime.fromObject({ year: 2024, month: 3, day: 31, hour: 2, minute: 30 }, { zone: 'Europe/Berlin' }).toISO());
console.log(time.toLocaleString(DateTime.DATE_FULL), time.setLocale('en-GB').toLocaleString(DateTime.DATETIME_MED), time.toLocaleString(DateTime.TIME_WITH_SECONDS), time.toLocaleString({ weekday: 'short', month: 'short' }));
console.log(DateTime.fromFormat('06.05.2024 7:08 PM', 'dd.MM.yyyy h:mm a', { zone: 'utc' }).toISO(), DateTime.fromSQL('2024-05-06 07:08:09', { zone: 'utc' }).toMillis(), DateTime.fromISO('2024-13-01').invalidExplanation, DateTime.fromRFC2822('Mon, 06 May 2024 07:08:09 +0200').toUTC().toISO());
const span = Interval.fromDateTimes(time, time.plus({ days: 3, hours: 5 }));
console.log(span.toISO(), span.length('hours'), span.splitBy({ days: 1 }).length, span.toDuration(['days', 'hours']).toObject());
console.log(Duration.fromObject({ hours: 25, minutes: 61 }).normalize().toISO(), Duration.fromMillis(3_725_000).toFormat('hh:mm:ss'), Duration.fromObject({ days: 2, hours: 3 }).toHuman());
console.log(time.toRelative({ base: time.plus({ days: 2 }) }), time.toRelativeCalendar({ base: time.plus({ days: 1 }) }), time.diff(DateTime.utc(2023), ['months', 'days']).toObject(), Info.months('short'), IANAZone.isValidZone('Mars/X'), FixedOffsetZone.instance(90).name);
