from datetime import datetime, timedelta
import pytz

berlin = pytz.timezone("Europe/Berlin")
local = berlin.localize(datetime(2024, 3, 31, 1, 30))
print(local, berlin.normalize(local + timedelta(hours=1)), local.astimezone(pytz.utc).isoformat())
print(datetime(2024, 7, 1, tzinfo=pytz.UTC).astimezone(pytz.timezone("Asia/Kolkata")).strftime("%Y-%m-%d %H:%M %Z%z"))
print(len(pytz.all_timezones) > 500, "US/Pacific" in pytz.common_timezones_set, pytz.country_timezones["ch"], pytz.country_names["de"])
print(repr(berlin), berlin.zone, pytz.FixedOffset(90))
for moment in (datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30)):
    try:
        berlin.localize(moment, is_dst=None)
    except pytz.InvalidTimeError as error:
        print(type(error).__name__, error)
try:
    pytz.timezone("Mars/Base")
except pytz.UnknownTimeZoneError as error:
    print(repr(error))
