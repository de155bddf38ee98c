import dayjs from 'dayjs';
import 'dayjs/locale/de.js';
import advancedFormat from 'dayjs/plugin/advancedFormat.js';
import customParseFormat from 'dayjs/plugin/customParseFormat.js';
import duration from 'dayjs/plugin/duration.js';
import isBetween from 'dayjs/plugin/isBetween.js';
import relativeTime from 'dayjs/plugin/relativeTime.js';
import toObject from 'dayjs/plugin/toObject.js';
import timezone from 'dayjs/plugin/timezone.js';
import utc from 'dayjs/plugin/utc.js';

for (const plugin of [utc, timezone, relativeTime, customParseFormat, duration, isBetween, advancedFormat, toObject]) dayjs.extend(plugin);
const day = dayjs.utc('2024-01-31T13:04:05Z');
console.log(day.format(), day.format('dddd, MMMM Do YYYY, h:mm:ss a [Q]Q'), day.add(1, 'month').toISOString(), day.startOf('week').format('YYYY-MM-DD'), day.diff('2023-06-01', 'month', true).toFixed(3));
console.log(day.tz('America/New_York').format('YYYY-MM-DD HH:mm Z'), dayjs.tz('2024-07-01 12:00', 'Europe/Berlin').toISOString(), day.tz('Asia/Tokyo').hour());
console.log(day.from(dayjs.utc('2024-03-01')), dayjs.duration(5400, 'seconds').humanize(), dayjs.duration({ hours: 2, minutes: 5 }).format('HH:mm:ss'), day.locale('de').format('dddd, D. MMMM'));
console.log(dayjs('06/05/2024', 'DD/MM/YYYY', true).isValid(), dayjs('2024-13-40', 'YYYY-MM-DD', true).isValid(), day.isBetween('2024-01-01', '2024-02-01'), day.toObject(), day.isSame('2024-01-31', 'day'));
