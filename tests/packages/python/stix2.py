import stix2
from stix2.exceptions import MissingPropertiesError

indicator = stix2.Indicator(
    id="indicator--a740531e-63ff-4e49-a9e1-a0a3eed0e3e7", created="2024-01-01T00:00:00.000Z", modified="2024-01-01T00:00:00.000Z",
    name="File hash", pattern="[file:hashes.md5 = 'd41d8cd98f00b204e9800998ecf8427e']", pattern_type="stix", valid_from="2024-01-01T00:00:00Z",
)
malware = stix2.Malware(
    id="malware--81be4588-96a8-4de2-9938-9e16130ce7e6", created="2024-01-01T00:00:00Z", modified="2024-01-01T00:00:00Z",
    name="Poison", is_family=False,
)
print(indicator.serialize(pretty=True))
bundle = stix2.Bundle(indicator, malware, id="bundle--0f43a4ef-8a2a-4a2d-8b8f-2bba3a0a0c2f")
print([item.type for item in stix2.parse(bundle.serialize()).objects])
store = stix2.MemoryStore([indicator, malware])
print([item["name"] for item in store.query([stix2.Filter("type", "=", "malware")])])
try:
    stix2.Indicator(name="x")
except MissingPropertiesError as error:
    print(error)
try:
    stix2.Indicator(pattern="[file:", pattern_type="stix")
except Exception as error:
    print(type(error).__name__)
