from ldap3 import ALL_ATTRIBUTES, MOCK_SYNC, OFFLINE_AD_2012_R2, SUBTREE, Connection, Server
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn
from ldap3.operation.search import parse_filter

server = Server("dc.example.com", get_info=OFFLINE_AD_2012_R2)
connection = Connection(server, "cn=admin,o=lab", "secret", client_strategy=MOCK_SYNC)
people = connection.strategy
people.add_entry("cn=admin,o=lab", {"userPassword": "secret", "sn": "admin"})
people.add_entry("cn=ann,ou=people,o=lab", {"sn": "ann", "mail": "ann@e.com", "objectClass": "person"})
people.add_entry("cn=bob,ou=people,o=lab", {"sn": "bob", "objectClass": "person"})
print(connection.bind(), server)
connection.search("o=lab", "(&(objectClass=person)(sn=a*))", SUBTREE, attributes=["sn", "mail"])
print([(entry.entry_dn, entry.sn.value, entry.mail.value) for entry in connection.entries])
print(connection.modify("cn=bob,ou=people,o=lab", {"mail": [("MODIFY_ADD", ["bob@e.com"])]}), connection.result["description"])
print(connection.delete("cn=none,o=lab"), connection.result["description"])
print(parse_dn("CN=Ann Lee,OU=People,DC=example"), escape_filter_chars("a*(b)"))
