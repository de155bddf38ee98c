import io
import logging
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import ARP, DNS, DNSQR, ICMP, IP, TCP, UDP, Ether, PacketList, Raw, rdpcap, wrpcap

packet = Ether(src="00:01:02:03:04:05", dst="ff:ff:ff:ff:ff:ff") / IP(src="192.0.2.1", dst="192.0.2.2", ttl=64) / TCP(sport=41234, dport=41235, flags="S") / Raw(b"hello")
print(packet.summary(), len(packet), bytes(packet).hex())
again = Ether(bytes(packet))
print(again[TCP].flags, again[IP].chksum, again[TCP].chksum, again.haslayer(UDP), again[Raw].load)
print((IP(src="192.0.2.3", dst="192.0.2.4") / UDP(sport=41236, dport=41237) / DNS(rd=1, qd=DNSQR(qname="example.com")))[DNS].show(dump=True))
print(IP(bytes(IP(src="192.0.2.1", dst="192.0.2.9") / ICMP())).command())
wrpcap("/tmp/wxmcp-packages-test.pcap", [packet, packet])
print([one.time >= 0 and one[IP].dst for one in rdpcap("/tmp/wxmcp-packages-test.pcap")])
print([one.dst for one in IP(src="192.0.2.1", dst="192.0.2.0/30")], ARP(pdst="192.0.2.1", hwsrc="00:00:00:00:00:01", psrc="0.0.0.0").summary())
