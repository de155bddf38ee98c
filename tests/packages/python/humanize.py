import datetime
import humanize

print(humanize.naturalsize(123456789), humanize.naturalsize(2**30, binary=True), humanize.naturalsize(3000, gnu=True))
print(humanize.intcomma(1234567.891, 2), humanize.intword(1.2e9), humanize.ordinal(103), humanize.apnumber(5), humanize.fractional(0.3))
print(humanize.naturaldelta(datetime.timedelta(days=400)), humanize.precisedelta(datetime.timedelta(seconds=3633, days=2), minimum_unit="seconds"))
now = datetime.datetime(2024, 5, 6, 7, 8)
print(humanize.naturaltime(now - datetime.timedelta(minutes=5), when=now), humanize.naturaltime(datetime.timedelta(hours=-3)))
print(humanize.naturaldate(datetime.date(2007, 6, 5)), humanize.metric(1500, "V"), humanize.scientific(0.00042))
print(humanize.natural_list(["a", "b", "c"]))
humanize.i18n.activate("de_DE")
print(humanize.naturaltime(datetime.timedelta(hours=2)), humanize.intword(2_000_000), humanize.naturaldelta(datetime.timedelta(days=60)))
humanize.i18n.deactivate()
