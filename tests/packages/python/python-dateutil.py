from datetime import date, datetime
from dateutil import parser, tz
from dateutil.easter import easter
from dateutil.relativedelta import FR, relativedelta
from dateutil.rrule import DAILY, MO, WEEKLY, rrule, rrulestr

for text in ("2024-05-06T07:08:09+02:00", "May 6, 2024 5pm", "6/5/24", "Thu Sep 25 2003 10:36:28"):
    print(parser.parse(text, default=datetime(2020, 1, 1)))
print(parser.isoparse("2024-W19-1"), parser.parse("6/5/24", dayfirst=True))
print(datetime(2024, 1, 31) + relativedelta(months=1), date(2024, 5, 6) + relativedelta(weekday=FR(+2)))
print(relativedelta(datetime(2024, 5, 6), datetime(2001, 9, 11)))
print([str(day.date()) for day in rrule(WEEKLY, count=3, byweekday=MO, dtstart=datetime(2024, 1, 1))])
print(list(rrulestr("FREQ=DAILY;COUNT=2", dtstart=datetime(2024, 1, 1))), easter(2024))
berlin = tz.gettz("Europe/Berlin")
print(datetime(2024, 7, 1, 12, tzinfo=tz.UTC).astimezone(berlin), datetime(2024, 1, 1, tzinfo=berlin).tzname())
try:
    parser.parse("not a date")
except parser.ParserError as error:
    print(error)
