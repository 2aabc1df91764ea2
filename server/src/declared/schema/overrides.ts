/** Kernel state that differs from what the programs of a machine create: an MTU that was changed later, static neighbor entries. */
import type { KeywordSpec } from "./types.ts";

const machines = ["router", "host", "node", "nodes"];

const example = `segment lan { cidr 10.0.0.0/24 }
router gw { attach lan 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 {
    attach lan 10.0.0.11
    device flannel.1 { mtu 1450 }
    neighbor 10.0.0.50 lladdr 02:42:0a:00:00:63 dev eth0
    fdb 0e:00:00:00:00:01 dst 10.0.0.12 dev flannel.1
  }
  node n2 { attach lan 10.0.0.12 }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
expect n1 -> 10.0.0.50 blocked
`;

export const overrideRows: readonly KeywordSpec[] = [
  {
    keyword: "device",
    in: machines,
    args: [
      {
        name: "name",
        type: { kind: "device" },
        summary: "A device of the machine: eth0, flannel.1, cni0, vxlan.calico",
      },
    ],
    block: "device",
    blockRequired: true,
    repeat: "many",
    summary: "Changes a device after it was created",
    documentation: `The same as \`ip link set DEVICE …\` after all programs have started. Other state that was derived from the device
does not change: pods keep the MTU that the CNI plugin read when it created their interfaces. For an interface of the file, set \`mtu\` in the
\`attach\` block instead: programs then read it. \`knet routes\` lists the devices of a machine.`,
    example,
  },
  {
    keyword: "mtu",
    in: ["device"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        summary: "Largest IP packet in bytes",
      },
    ],
    repeat: "once",
    summary: "MTU of the device",
    documentation: `The same as \`ip link set dev DEVICE mtu N\`. Below 1280, the kernel disables IPv6 on the device.`,
    example,
  },
  {
    keyword: "neighbor",
    in: machines,
    args: [
      { name: "address", type: { kind: "address" }, summary: "The neighbor's address" },
      { name: "lladdr", type: { kind: "mac" }, after: "lladdr", summary: "Its MAC address" },
      { name: "dev", type: { kind: "device" }, after: "dev", summary: "Device" },
    ],
    repeat: "many",
    summary: "A permanent neighbor entry (static ARP)",
    documentation: `The same as \`ip neigh replace ADDRESS lladdr MAC dev DEVICE nud permanent\`: the kernel sends no ARP request or neighbor
solicitation for the address. It replaces the entry of a program (flanneld, Felix) for the same address. Describes a stale entry: a machine
whose network card was replaced, or a tunnel endpoint that was created again. If no machine has the MAC address, no machine receives the packets.`,
    example,
  },
  {
    keyword: "fdb",
    in: machines,
    args: [
      { name: "mac", type: { kind: "mac" }, summary: "MAC address of a tunnel endpoint" },
      { name: "dst", type: { kind: "address" }, after: "dst", summary: "Destination of the outer packets" },
      { name: "dev", type: { kind: "device" }, after: "dev", summary: "A VXLAN device" },
    ],
    repeat: "many",
    summary: "A permanent FDB entry of a VXLAN device",
    documentation: `The same as \`bridge fdb replace MAC dev DEVICE dst ADDRESS self permanent\`. It replaces the entry of flanneld or Felix for
the same MAC address. Describes a stale lease: the node still sends packets for another node to its former address. \`knet routes\`
prints the MAC addresses that knet derives.`,
    example,
  },
];
