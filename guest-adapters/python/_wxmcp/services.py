"""What `socket` knows without a network: names of services and protocols, and Linux's numbers that libraries read when they load."""

from . import kept as __builtins__

# As in `/etc/services` and `/etc/protocols` of Debian; a name after the first is another one of the same service.
_SERVICES = """
    echo=7 discard=9 daytime=13 ftp-data=20 ftp=21 ssh=22 telnet=23 smtp=25,mail time=37 whois=43,nicname tacacs=49 domain=53
    tftp=69 gopher=70 finger=79 http=80,www kerberos=88 pop3=110 sunrpc=111,portmapper auth=113 nntp=119 ntp=123 epmap=135
    netbios-ns=137 netbios-dgm=138 netbios-ssn=139 imap2=143,imap snmp=161 snmp-trap=162 bgp=179 irc=194 ldap=389 https=443
    microsoft-ds=445 kpasswd=464 submissions=465 syslog=514 submission=587 ipp=631 ldaps=636 ftps-data=989 ftps=990 telnets=992 imaps=993
    pop3s=995 socks=1080 openvpn=1194 ms-sql-s=1433 radius=1812 nfs=2049 zookeeper=2181 git=9418 mysql=3306 ms-wbt-server=3389
    svn=3690 sip=5060 sip-tls=5061 xmpp-client=5222 mdns=5353 postgresql=5432 amqps=5671 amqp=5672 redis=6379 http-alt=8080
""".split()
_ONLY = {"udp": "tftp ntp snmp-trap mdns syslog radius".split(), "tcp": "ssh smtp http ldaps pop3 imap2 mysql postgresql ftp telnet submission".split()}
_PROTOCOLS = "ip=0 icmp=1 igmp=2 ipencap=4 tcp=6 egp=8 pup=12 udp=17 ipv6=41 rsvp=46 gre=47 esp=50 ah=51 ipv6-icmp=58 ospf=89 pim=103 sctp=132"

_NUMBERS = """
    IPPROTO_AH=51 IPPROTO_DSTOPTS=60 IPPROTO_EGP=8 IPPROTO_ESP=50 IPPROTO_FRAGMENT=44 IPPROTO_GRE=47 IPPROTO_HOPOPTS=0
    IPPROTO_ICMPV6=58 IPPROTO_IDP=22 IPPROTO_IGMP=2 IPPROTO_IPIP=4 IPPROTO_NONE=59 IPPROTO_PIM=103 IPPROTO_PUP=12
    IPPROTO_ROUTING=43 IPPROTO_RSVP=46 IPPROTO_SCTP=132 IPPROTO_TP=29 MSG_CMSG_CLOEXEC=1073741824 MSG_CONFIRM=2048
    MSG_CTRUNC=8 MSG_DONTROUTE=4 MSG_EOR=128 MSG_ERRQUEUE=8192 MSG_FASTOPEN=536870912 MSG_MORE=32768
    NETLINK_CRYPTO=21 NETLINK_DNRTMSG=14 NETLINK_FIREWALL=3 NETLINK_IP6_FW=13 NETLINK_NFLOG=5 NETLINK_ROUTE=0 NETLINK_USERSOCK=2
    NETLINK_XFRM=6 PACKET_BROADCAST=1 PACKET_FASTROUTE=6 PACKET_HOST=0 PACKET_LOOPBACK=5 PACKET_MULTICAST=2 PACKET_OTHERHOST=3
    PACKET_OUTGOING=4 SCM_CREDENTIALS=2 SCM_RIGHTS=1 SO_BINDTODEVICE=25 SO_DEBUG=1 SO_INCOMING_CPU=49 SO_MARK=36 SO_PASSCRED=16
    SO_PASSSEC=34 SO_PEERCRED=17 SO_PEERSEC=31 SO_PRIORITY=12 SO_RCVLOWAT=18 SO_SNDLOWAT=19
"""


def put_into(module):
    """Completes `socket`."""
    for function in (getservbyname, getservbyport, getprotobyname):
        function.__module__ = "socket"
        setattr(module, function.__name__, function)
    for name, number in _pairs(_NUMBERS.split()):
        if not hasattr(module, name):
            setattr(module, name, int(number))


def _pairs(entries):
    return (entry.split("=") for entry in entries)


def _services(protocol):
    """(names, port) of a protocol's services; of both without one."""
    others = _ONLY.get("tcp" if protocol == "udp" else "udp") if protocol else ()
    for name, rest in _pairs(_SERVICES):
        port, *more = rest.split(",")
        if name not in others:
            yield [name, *more], int(port)


def getservbyname(servicename, protocolname=None, /):
    """Return a port number from a service name and protocol name."""
    for names, port in _services(protocolname):
        if servicename in names and protocolname in (None, "tcp", "udp"):
            return port
    raise OSError("service/proto not found")


def getservbyport(port, protocolname=None, /):
    """Return the service name from a port number and protocol name."""
    if not 0 <= port <= 0xFFFF:
        raise OverflowError("getservbyport: port must be 0-65535.")
    for names, number in _services(protocolname):
        if port == number and protocolname in (None, "tcp", "udp"):
            return names[0]
    raise OSError("port/proto not found")


def getprotobyname(name, /):
    """Return the protocol number for the protocol name."""
    for one, number in _pairs(_PROTOCOLS.split()):
        if name.lower() == one:
            return int(number)
    raise OSError("protocol not found")
