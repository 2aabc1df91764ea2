/** Reads handwritten capture files with one packet each as device crossings. */
import { describe, expect, it } from "vitest";
import { readCapture, type TunnelPorts } from "../../../server/src/lab/capture.ts";
import { line } from "../../../server/src/lab/compare.ts";

const TUNNELS: TunnelPorts = {
  vxlan: new Set([8472]),
  ip: new Set([8285]),
  wireguard: new Set([51820]),
  esp: new Set(),
  decrypt: () => undefined,
};
const OUT = 4;
const IN = 0;

function bytes(...parts: readonly (number | readonly number[])[]): number[] {
  return parts.flat() as number[];
}
const be16 = (n: number): number[] => [n >> 8, n & 255];
const le32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >>> 24) & 255];

function ipv4(
  proto: number,
  src: readonly number[],
  dst: readonly number[],
  ttl: number,
  body: readonly number[],
): number[] {
  return bytes(0x45, 0, be16(20 + body.length), [0, 1], [0x40, 0], ttl, proto, [0, 0], src, dst, body);
}
function udp(sport: number, dport: number, body: readonly number[] = []): number[] {
  return bytes(be16(sport), be16(dport), be16(8 + body.length), [0, 0], body);
}

/** A pcap file with nanoseconds, link type LINUX_SLL2. */
function file(direction: number, packet: readonly number[], cut = 0): Uint8Array {
  const sll = bytes([8, 0], [0, 0], [0, 0, 0, 7], [0, 1], direction, 6, [0, 0, 0, 0, 0, 0, 0, 0]);
  const record = bytes(
    le32(10),
    le32(500),
    le32(sll.length + packet.length),
    le32(sll.length + packet.length),
    sll,
    packet,
  );
  const head = bytes(le32(0xa1b23c4d), [2, 0, 4, 0], le32(0), le32(0), le32(276), le32(276));
  return Uint8Array.from([...head, ...record].slice(0, head.length + record.length - cut));
}

function read(packet: readonly number[], direction = OUT): string[] {
  return readCapture(file(direction, packet), TUNNELS).map((one) => {
    const ports = one.ports === undefined ? "none" : one.ports.join(">");
    return `${line("n1", `#${one.ifindex}`, one.direction, one.headers)} | ports ${ports}`;
  });
}

const A = [10, 0, 0, 1];
const B = [10, 0, 0, 2];

describe("a capture", () => {
  it("shows device, direction, and headers", () => {
    const tcp = bytes(be16(20001), be16(80), [0, 0, 0, 0], [0, 0, 0, 0], 0x50, 0x02, [0, 0, 0, 0, 0, 0]);
    expect(read(ipv4(6, A, B, 63, tcp), IN)).toEqual([
      "n1 #7 in 10.0.0.1>10.0.0.2 ttl=63 DF tcp 20001>80 SYN | ports 20001>80",
    ]);
  });

  it("decapsulates VXLAN and IP-in-UDP", () => {
    const inner = ipv4(17, [10, 244, 0, 2], [10, 244, 1, 2], 63, udp(20002, 53));
    const ethernet = [...Array(12).fill(2), 8, 0] as number[];
    const vxlan = bytes(8, [0, 0, 0], [0, 0, 1], 0, ethernet, inner);
    expect(read(ipv4(17, A, B, 64, udp(40000, 8472, vxlan)))).toEqual([
      "n1 #7 out 10.0.0.1>10.0.0.2 ttl=64 DF udp *>8472 vxlan 1 10.244.0.2>10.244.1.2 ttl=63 DF udp 20002>53 | ports 20002>53",
    ]);
    expect(read(ipv4(17, A, B, 64, udp(8285, 8285, inner)))).toEqual([
      "n1 #7 out 10.0.0.1>10.0.0.2 ttl=64 DF udp *>8285 10.244.0.2>10.244.1.2 ttl=63 DF udp 20002>53 | ports 20002>53",
    ]);
  });

  it("finds the flow of an ICMP error in the quoted packet, unless it is a tunnel packet", () => {
    const quoted = ipv4(17, B, A, 62, udp(20003, 9));
    expect(read(ipv4(1, A, B, 64, bytes(3, 4, [0, 0], [0, 0], be16(1450), quoted)))).toEqual([
      "n1 #7 out 10.0.0.1>10.0.0.2 ttl=64 DF icmp icmp 3/4 mtu=1450 | ports 20003>9",
    ]);
    const tunnel = ipv4(17, B, A, 62, udp(8285, 8285, quoted));
    expect(read(ipv4(1, A, B, 64, bytes(3, 3, [0, 0], [0, 0, 0, 0], tunnel)))).toEqual([
      "n1 #7 out 10.0.0.1>10.0.0.2 ttl=64 DF icmp icmp 3/3 | ports none",
    ]);
  });

  it("that is truncated ends with its last complete packet", () => {
    expect(readCapture(file(OUT, ipv4(17, A, B, 64, udp(1, 2)), 5), TUNNELS)).toEqual([]);
    expect(readCapture(new Uint8Array(10), TUNNELS)).toEqual([]);
  });
});
