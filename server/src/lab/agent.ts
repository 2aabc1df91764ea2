/**
 * The program that represents the processes of a lab. One process serves all network namespaces, because a socket stays in
 * the namespace where it was created. Python, because most Linux machines have it and its standard library can enter network
 * namespaces and open TUN devices. `agent.py listen lab.json` listens until it is stopped; `agent.py run lab.json` also
 * captures and sends probes.
 */
import { PROBES } from "./agent-probes.ts";

const CORE = String.raw`
import ctypes, errno, fcntl, heapq, ipaddress, json, os, resource, selectors, signal, socket, stat, struct, sys, time

selector = selectors.DefaultSelector()
timers = []
counter = 0

def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()

libc = ctypes.CDLL(None, use_errno=True)

def enter(name):
    fd = os.open("/var/run/netns/" + name, os.O_RDONLY)
    try:
        if libc.setns(fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns " + name)
    finally:
        os.close(fd)

def later(seconds, do):
    global counter
    counter += 1
    heapq.heappush(timers, (time.monotonic() + seconds, counter, do))

def turn():
    wait = None
    if timers:
        wait = max(0, timers[0][0] - time.monotonic())
    for key, mask in selector.select(wait):
        try:
            key.data()
        except (BlockingIOError, InterruptedError):
            pass
    while timers and timers[0][0] <= time.monotonic():
        heapq.heappop(timers)[2]()

def plain(address):
    return address.split("%")[0]
`;

const LISTENERS = String.raw`
def families(address):
    if address is None:
        return [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]
    return [(socket.AF_INET6 if ":" in address else socket.AF_INET, address)]

encapsulated = set()

# Like an IKE daemon: with a listener for acquire messages, a packet without a security association is dropped silently.
def await_keys():
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)  # NETLINK_XFRM
    sock.setblocking(False)
    sock.bind((0, 1))  # XFRMNLGRP_ACQUIRE
    selector.register(sock, selectors.EVENT_READ, lambda: sock.recv(65536))

def listen(wanted, accepted):
    for family, address in families(wanted["address"]):
        try:
            kind = socket.SOCK_DGRAM if wanted["proto"] == "udp" else socket.SOCK_STREAM
            sock = socket.socket(family, kind, SCTP if wanted["proto"] == "sctp" else 0)
        except OSError:
            continue  # a kernel without IPv6 or SCTP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, wanted["port"]))
        if wanted["proto"] == "udp" and wanted["port"] in encapsulated:
            sock.setsockopt(17, 100, 2)  # UDP_ENCAP, UDP_ENCAP_ESPINUDP
        if wanted["proto"] != "udp":
            sock.listen(128)
            selector.register(sock, selectors.EVENT_READ, lambda sock=sock: accept(sock, accepted))
        else:
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            selector.register(sock, selectors.EVENT_READ, lambda sock=sock, family=family: answer(sock, family, accepted))

IP_PKTINFO = 8
SCTP = 132

def accept(listener, accepted):
    sock, peer = listener.accept()
    accepted(plain(peer[0]), peer[1])
    sock.setblocking(False)
    def drain():
        try:
            data = sock.recv(4096)
        except OSError:
            data = b""
        if data:
            sock.send(data)
        else:
            selector.unregister(sock)
            sock.close()
    selector.register(sock, selectors.EVENT_READ, drain)

# The reply is sent from the destination address of the request, like from a socket bound to that address.
def answer(sock, family, accepted):
    data, control, _, peer = sock.recvmsg(65536, 256)
    accepted(plain(peer[0]), peer[1])
    back = []
    for level, kind, value in control:
        if family == socket.AF_INET and kind == IP_PKTINFO:
            back = [(level, kind, struct.pack("=I4s4s", 0, value[8:12], b"\0" * 4))]
        if family == socket.AF_INET6 and kind == socket.IPV6_PKTINFO:
            back = [(level, kind, value[:16] + struct.pack("=I", 0))]
    try:
        sock.sendmsg([data], back, 0, peer)
    except OSError:
        pass
`;

/** pkg/backend/udp/proxy_amd64.c: TTL decrement, silent drops, and ICMP errors of the daemon. */
const TUN = String.raw`
def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def lowered(packet):
    if packet[8] <= 1:
        return None
    size = (packet[0] & 15) * 4
    header = bytearray(packet[:size])
    header[8] -= 1
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + packet[size:]

def unreachable(packet, source):
    if packet[9] == 1 or struct.unpack("!H", packet[6:8])[0] & 0x1fff:
        return None
    quoted = packet[:(packet[0] & 15) * 4 + 8]
    icmp = struct.pack("!BBHI", 3, 0, 0, 0) + quoted
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 0, 8, 1, 0, source, packet[12:16])
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + icmp

def serve_tun(tun):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", tun["device"].encode(), 0x1001))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((tun["local"], tun["port"]))
    source = socket.inet_aton(tun["address"])
    peers = [(ipaddress.ip_network(dst), peer) for dst, peer in tun["peers"]]
    takes = (lambda packet: lowered(packet)) if tun["decrementsTtl"] else (lambda packet: packet)
    def find(packet):
        address = ipaddress.ip_address(packet[16:20])
        best = None
        for dst, peer in peers:
            if address in dst and (best is None or dst.prefixlen >= best[0].prefixlen):
                best = (dst, peer)
        return best and best[1]
    def from_tun():
        packet = os.read(fd, 65536)
        if packet[0] >> 4 != 4:
            return
        peer = find(packet)
        if peer is None:
            error = unreachable(packet, source)
            if error:
                os.write(fd, error)
            return
        packet = takes(packet)
        if packet:
            try:
                sock.sendto(packet, (peer, tun["port"]))
            except OSError:
                pass
    def from_peer():
        try:
            packet = takes(sock.recv(65536))
            if packet:
                os.write(fd, packet)
        except BlockingIOError:
            pass
        except OSError:
            pass  # an ICMP error about an earlier packet
    selector.register(fd, selectors.EVENT_READ, from_tun)
    selector.register(sock, selectors.EVENT_READ, from_peer)
`;

const MAIN = `
def main():
    mode, path = sys.argv[1], sys.argv[2]
    # A socket per listener and capture; the soft limit is often 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(1 << 16, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            break
        except (ValueError, OSError):
            pass  # Raising the hard limit requires CAP_SYS_RESOURCE.
    with open(path) as file:
        lab = json.load(file)
    run = json.loads(sys.stdin.readline()) if mode == "run" else None
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: os._exit(0))
    if run and not stat.S_ISREG(os.fstat(0).st_mode):
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ, lambda: os._exit(0))  # the parent process has exited
    received = {}
    def accepted(address, port):
        received.setdefault(port, address)
    captures = []
    for space in lab["namespaces"]:
        enter(space["name"])
        if run:
            quicken()
            captures.append(capture(space["name"], run["pcap"]))
        encapsulated.clear()
        encapsulated.update(space["espPorts"])
        if space["ipsec"]:
            await_keys()
        for wanted in space["listeners"]:
            try:
                listen(wanted, accepted)
            except OSError as e:
                say(problem="%s cannot listen on %s/%s: %s" % (space["name"], wanted["port"], wanted["proto"], e.strerror))
        for number, verdicts in (run["queues"].get(space["name"], {}) if run else {}).items():
            serve_queue(int(number), verdicts)
        for tun in space["tuns"]:
            serve_tun(tun)
    say(ready=True)
    if run:
        probes(lab, run, captures, received)
    else:
        while True:
            turn()

main()
`;

export const AGENT = `${CORE}${LISTENERS}${TUN}${PROBES}${MAIN}`;
