import dns.exception
import dns.message
import dns.name
import dns.resolver
import dns.reversename
import dns.rdatatype
import dns.zone

name = dns.name.from_text("www.Example.com")
print(name, name.parent(), name.is_subdomain(dns.name.from_text("example.com")), dns.reversename.from_address("192.0.2.7"))
query = dns.message.make_query("example.com", "MX", id=7)
print(query)
print(len(query.to_wire()), dns.message.from_wire(query.to_wire()).question[0])
zone = dns.zone.from_text("""$TTL 300
@ IN SOA ns.e.com. root.e.com. 1 2 3 4 5
@ IN NS ns
ns IN A 192.0.2.1
www IN CNAME ns
@ IN TXT "v=spf1 -all"
""", origin="e.com.")
print(sorted(str(node) for node in zone), zone.find_rdataset("@", "TXT"))
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["192.0.2.53"]
print(resolver.nameservers, resolver.lifetime, dns.rdatatype.from_text("AAAA"))
try:
    dns.name.from_text("a" * 64 + ".com")
except dns.exception.DNSException as error:
    print(type(error).__name__, error)
