"""A router that repeats multicast DNS, as those do that otherwise keep the hosts of a Wi-Fi apart.

    python -m tests.integration.reflector ADDRESS

Whatever arrives for the group on the interface with that address is sent to the group once more,
from there. Prints a line when it listens; ends when its standard input closes.
"""

import select
import socket
import sys

GROUP, PORT = "224.0.0.251", 5353


def main(address: str) -> None:
    reflecting = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    interface = socket.inet_aton(address)
    reflecting.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reflecting.bind((GROUP, PORT))
    member = socket.inet_aton(GROUP) + interface
    reflecting.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    reflecting.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
    reflecting.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    reflecting.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    print('{"reflecting": true}', flush=True)
    while True:
        ready, _, _ = select.select([reflecting, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        packet, sender = reflecting.recvfrom(9000)
        if sender[0] != address:
            reflecting.sendto(packet, (GROUP, PORT))


if __name__ == "__main__":
    main(sys.argv[1])
