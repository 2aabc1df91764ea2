/** The part of the agent that captures on all devices and sends probes. Errors have the form in which a socket reports them to a program. */
export const PROBES = String.raw`
SNAP = 256

# Same format as "tcpdump -i any -y LINUX_SLL2" with nanoseconds; on lo, also outgoing packets.
def capture(name, folder):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 * 1024 * 1024)  # SO_RCVBUFFORCE
    sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    sock.setblocking(False)
    index = {device: number for number, device in socket.if_nameindex()}
    file = open(os.path.join(folder, name + ".pcap"), "wb")
    file.write(struct.pack("=IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, SNAP + 20, 276))
    def read():
        for _ in range(64):
            data, control, _, sender = sock.recvmsg(SNAP, 64)
            device, protocol, kind, hardware, address = sender
            if protocol not in (0x0800, 0x86dd):
                continue
            seconds, nanoseconds = struct.unpack("=qq", control[0][2][:16]) if control else divmod(time.time_ns(), 10**9)
            header = struct.pack("!HHIHBB8s", protocol, 0, index.get(device, 0), hardware, kind, len(address), address[:8])
            file.write(struct.pack("=IIII", seconds, nanoseconds, len(data) + 20, len(data) + 20) + header + data)
    selector.register(sock, selectors.EVENT_READ, read)
    def end():
        try:
            read()
        except BlockingIOError:
            pass
        file.close()
        return struct.unpack("=II", sock.getsockopt(263, 6, 8))[1]  # PACKET_STATISTICS: lost
    return {"name": name, "devices": {number: device for device, number in index.items()}, "end": end}

def put(path, value):
    try:
        with open(path, "w") as file:
            file.write(value)
    except OSError:
        pass

# Neighbor resolution times out after 0.6 seconds instead of 3: same outcome, faster.
def quicken():
    put("/proc/sys/net/ipv6/route/mtu_expires", "1")
    for family in ("ipv4", "ipv6"):
        folder = "/proc/sys/net/%s/neigh" % family
        for device in os.listdir(folder) if os.path.isdir(folder) else []:
            put("%s/%s/retrans_time_ms" % (folder, device), "200")
            put("%s/%s/proxy_delay" % (folder, device), "0")

# Learned path MTUs would affect later probes. IPv6 path MTUs cannot be flushed, only expired.
def forget(lab, probes):
    if any(probe["size"] is not None and ":" in probe["dst"] for probe in probes):
        over = []
        later(1.2, lambda: over.append(True))
        while not over:
            turn()
    for space in lab["namespaces"]:
        enter(space["name"])
        put("/proc/sys/net/ipv4/route/flush", "1")

DISCOVER = {socket.AF_INET: (socket.IPPROTO_IP, 10, 28), socket.AF_INET6: (socket.IPPROTO_IPV6, 23, 48)}
RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}

def name_of(error):
    return errno.errorcode.get(error, str(error))

class Probe:
    def __init__(self, probe, done):
        self.probe, self.done, self.over = probe, done, False
        self.family = socket.AF_INET6 if ":" in probe["dst"] else socket.AF_INET
        self.sock = None
        later(probe["wait"], lambda: self.end(result="timeout"))
        try:
            {"tcp": self.connect, "sctp": self.connect, "udp": self.udp, "icmp": self.ping}[probe["proto"]]()
        except BlockingIOError:
            pass
        except OSError as e:
            # A lab link reports a lost frame to the sender (ENOBUFS); a real link does not.
            if e.errno != errno.ENOBUFS:
                self.fail(e.errno)

    def end(self, **result):
        if self.over:
            return
        self.over = True
        if self.sock:
            if self.sock in selector.get_map():
                selector.unregister(self.sock)
            if self.sock.type == socket.SOCK_STREAM:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        self.done(self.probe, result)

    def fail(self, error):
        self.end(result="error", errno=name_of(error))

    def open(self, kind, protocol=0):
        self.sock = socket.socket(self.family, kind, protocol)
        self.sock.setblocking(False)
        level, option, _ = DISCOVER[self.family]
        if self.probe["size"] is not None:
            self.sock.setsockopt(level, option, 2 if self.probe["df"] else 0)
        if self.probe["ttl"] is not None:
            self.sock.setsockopt(*((socket.IPPROTO_IP, socket.IP_TTL) if self.family == socket.AF_INET else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)), self.probe["ttl"])
        source = self.probe["src"]
        port = 0 if kind == socket.SOCK_RAW else self.probe["sport"]
        if source is not None or port:
            self.sock.bind((source or ("" if self.family == socket.AF_INET else "::"), port))

    def connect(self):
        self.open(socket.SOCK_STREAM, SCTP if self.probe["proto"] == "sctp" else 0)
        selector.register(self.sock, selectors.EVENT_WRITE, self.connected)
        self.sock.connect((self.probe["dst"], self.probe["dport"]))

    def connected(self):
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.fail(error) if error else self.end(result="answered")

    def udp(self):
        self.open(socket.SOCK_DGRAM)
        self.sock.connect((self.probe["dst"], self.probe["dport"]))
        selector.register(self.sock, selectors.EVENT_READ, self.received)
        message = b"\0" * max(1, (self.probe["size"] or 60) - DISCOVER[self.family][2])
        self.sock.send(message)
        self.again(message)

    # The first packet is lost, and its error reaches only a tunnel endpoint.
    def again(self, message):
        def send():
            if not self.over:
                try:
                    self.sock.send(message)
                except OSError as e:
                    self.fail(e.errno)
        if self.probe["twice"]:
            later(0.3, send)

    def received(self):
        try:
            self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as e:
            return self.fail(e.errno)
        self.end(result="answered")

    def ping(self):
        v4 = self.family == socket.AF_INET
        self.open(socket.SOCK_RAW, 1 if v4 else 58)
        level, option = RECVERR[self.family]
        self.sock.setsockopt(level, option, 1)
        # The reply to an anycast address has another source, which a connected socket does not accept.
        if not self.probe["unconnected"]:
            self.sock.connect((self.probe["dst"], 0))
        selector.register(self.sock, selectors.EVENT_READ, self.echoed)
        length = max(0, (self.probe["size"] or (84 if v4 else 104)) - DISCOVER[self.family][2])
        message = struct.pack("!BBHHH", 8 if v4 else 128, 0, 0, self.probe["sport"], 1) + b"\0" * length
        message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        self.sock.sendto(message, (self.probe["dst"], 0))
        self.again(message)

    def echoed(self):
        try:
            data, control, _, _ = self.sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
        except OSError:
            data, control = b"", []
        for level, kind, value in control:
            if (level, kind) != RECVERR[self.family]:
                continue
            error, origin, icmp, code, _, info, _ = struct.unpack("=IBBBBII", value[:16])
            # A raw socket also receives errors about packets of other sockets.
            if origin != 1 and data[4:6] != struct.pack("!H", self.probe["sport"]):
                return
            if origin == 1:
                return self.fail(error)
            offender = value[20:24] if self.family == socket.AF_INET else value[24:40]
            return self.end(result="error", errno=name_of(error), icmp=[icmp, code], offender=socket.inet_ntop(self.family, offender))
        try:
            data = self.sock.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            return  # reported through the error queue
        if self.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        if data[0] in (0, 129) and data[4:6] == struct.pack("!H", self.probe["sport"]):
            self.end(result="answered")

# nfnetlink_queue (linux/netfilter/nfnetlink_queue.h): a verdict for each queued packet.
def attribute(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)

def queue_message(kind, number, attributes):
    body = struct.pack("!BBH", 0, 0, number) + attributes
    return struct.pack("=IHHII", len(body) + 16, 3 << 8 | kind, 1, 0, 0) + body

def queued_key(packet):
    if packet[0] >> 4 == 4:
        proto, at = packet[9], (packet[0] & 15) * 4
        src, dst = socket.inet_ntop(socket.AF_INET, packet[12:16]), socket.inet_ntop(socket.AF_INET, packet[16:20])
    else:
        proto, at = packet[6], 40
        src, dst = socket.inet_ntop(socket.AF_INET6, packet[8:24]), socket.inet_ntop(socket.AF_INET6, packet[24:40])
    proto = 1 if proto == 58 else proto
    port = struct.unpack("!H", packet[at + 2:at + 4])[0] if proto in (6, 17, 132) else 0
    return "%s %s %d %d" % (src, dst, proto, port)

def serve_queue(number, verdicts):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    sock.bind((0, 0))
    sock.send(queue_message(2, number, attribute(1, struct.pack("!BBH", 1, 0, 0))))  # NFQA_CFG_CMD_BIND
    sock.send(queue_message(2, number, attribute(2, struct.pack("!IB", 256, 2))))  # NFQNL_COPY_PACKET
    sock.setblocking(False)
    def decide():
        data = sock.recv(65536)
        while len(data) >= 20:
            length, kind = struct.unpack("=IH", data[:6])
            if kind == 3 << 8:  # NFQNL_MSG_PACKET
                verdict(data[20:length])
            data = data[(length + 3) & ~3:]
    def verdict(attributes):
        values = {}
        while len(attributes) >= 4:
            length, kind = struct.unpack("=HH", attributes[:4])
            values[kind & 0x7fff] = attributes[4:length]
            attributes = attributes[(length + 3) & ~3:]
        identifier, packet = values[1][:4], values.get(10, b"")
        accepted = verdicts.get(queued_key(packet), True) if packet else True
        sock.send(queue_message(1, number, attribute(2, struct.pack("!I", 1 if accepted else 0) + identifier)))
    selector.register(sock, selectors.EVENT_READ, decide)

def probes(lab, run, captures, received):
    for number, probes in enumerate(run["rounds"]):
        if number:
            forget(lab, run["rounds"][number - 1])
        waiting = {probe["id"] for probe in probes}
        def done(probe, result):
            waiting.discard(probe["id"])
            say(id=probe["id"], **result)
        def send(probe):
            enter(probe["netns"])
            Probe(probe, done)
        for place, probe in enumerate(probes):
            # The kernel enables timestamps with a short delay (net_enable_timestamp).
            later(0.15 + probe["delay"] + place * 0.002, lambda probe=probe: send(probe))
        while waiting:
            turn()
    over = []
    later(0.3, lambda: over.append(True))
    while not over:
        turn()
    say(lost=sum(one["end"]() for one in captures))
    say(received=received, devices={one["name"]: one["devices"] for one in captures})
    sys.exit(0)
`;
