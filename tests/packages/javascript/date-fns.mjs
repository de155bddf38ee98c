import { addBusinessDays, addMonths, differenceInCalendarDays, differenceInMonths, eachDayOfInterval, endOfMonth, format, formatDistance, formatDuration, formatISO, formatRelative, getISOWeek, intervalToDuration, isBefore, isValid, isWeekend, parse, parseISO, startOfWeek } from 'date-fns';
import { de, fr } from 'date-fns/locale';

const day = new Date(Date.UTC(2024, 0, 31, 13, 4, 5));
console.log(format(day, "yyyy-MM-dd'T'HH:mm:ss.SSSxxx EEEE do MMMM 'week' I Q"), format(day, 'PPPPpppp', { locale: de }), format(day, 'EEE d LLL', { locale: fr }));
console.log(formatISO(addMonths(day, 1), { representation: 'date' }), formatISO(addBusinessDays(day, 5)), formatISO(endOfMonth(day)), formatISO(startOfWeek(day, { weekStartsOn: 1 })));
console.log(differenceInCalendarDays(new Date(2024, 2, 1), day), differenceInMonths(new Date(2025, 5, 1), day), getISOWeek(day), isWeekend(day), isBefore(day, 0));
console.log(formatDistance(day, addMonths(day, 14), { addSuffix: true }), formatDistance(0, 90_000, { locale: de }), formatRelative(day, addMonths(day, 0)));
console.log(parse('05/06/2024 7:08 PM', 'dd/MM/yyyy h:mm a', new Date(0)).toISOString(), parseISO('2024-W05-3').toISOString(), isValid(parseISO('2024-13-01')), isValid(parse('x', 'yyyy', 0)));
console.log(eachDayOfInterval({ start: day, end: new Date(2024, 1, 2) }).map((date) => date.toISOString()), formatDuration(intervalToDuration({ start: 0, end: 123_456_789 })));
try {
  format(new Date(NaN), 'yyyy');
} catch (error) {
  console.log(error.name, error.message);
}
