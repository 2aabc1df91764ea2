import type { Device } from "../../dataplane/model.ts";
import { childOf, hasChild, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, setFix } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Node, Topology } from "../../topology/model.ts";
import { interfacesWhere } from "../../topology/stations.ts";

const lan = (mtu: number): string => `segment lan {
  cidr fd00:10::/64
}
host h1 { attach lan fd00:10::11 { mtu ${mtu} } }
`;

const MINIMUM = 1280;

interface Short {
  readonly source: Origin;
  readonly where: string;
  readonly device: string;
  readonly mtu: number;
  count: number;
  readonly fixes: readonly Fix[];
}

export const ipv6Minimum: Check<"KN306"> = {
  code: "KN306",
  name: "ipv6-below-minimum-mtu",
  family: "mtu",
  severity: "error",
  explains: ["lost-packets"],
  summary: "A device that carries IPv6 has an MTU below 1280.",
  documentation: `## What happens

IPv6 requires links of at least 1280 bytes. On a device with a smaller MTU, the Linux kernel disables IPv6: the addresses are
removed, including the link-local address. If the MTU is raised again, only the link-local address returns.

A tunnel also needs room for its overhead: for IPv6 pods, the nodes' interfaces need an MTU of 1350 with VXLAN over IPv6 and
1360 with WireGuard.

## How to fix it

Raise the MTU to at least 1280, or remove the IPv6 addresses.

## References

- RFC 8200, section 5
- Linux: \`net/ipv6/addrconf.c\` (\`addrconf_notify\`)`,
  example: { bad: lan(1200), good: lan(1280) },
  *run(context: CheckContext): Iterable<Finding> {
    const places = new Map<object, Short>();
    for (const one of [...shortInterfaces(context), ...shortPods(context)]) {
      const same = places.get(one.source.decl.handle);
      if (same) same.count += 1;
      else places.set(one.source.decl.handle, one);
    }
    for (const { source, where, device, mtu, count, fixes } of places.values()) {
      yield finding(
        ipv6Minimum,
        source,
        count > 1
          ? t`MTU ${mtu} of \`${device}\` on ${where} and ${plural(count - 1, "more device")} is below the IPv6 minimum of ${MINIMUM}: the kernel removes their IPv6 addresses`
          : t`MTU ${mtu} of \`${device}\` on ${where} is below the IPv6 minimum of ${MINIMUM}: the kernel removes its IPv6 addresses`,
        { fixes },
      );
    }
  },
};

const short = interfacesWhere(
  ({ mtu, addresses }) => mtu < MINIMUM && addresses.some(({ ip }) => typeof ip === "bigint"),
);

function* shortInterfaces({ topology }: CheckContext): Iterable<Short> {
  for (const { mtu, device, station, source, segment } of short(topology)) {
    const place = hasChild(source, "mtu") ? sourceAt(source, "whole") : topology.segments.get(segment)?.source;
    yield {
      source: childOf({ ...source, part: "whole" }, "mtu", 0),
      where: machineText(station),
      device,
      mtu,
      count: 1,
      fixes: place ? [raise(place, MINIMUM)] : [],
    };
  }
}

/** Checks one pod per group of nodes with the same settings and interfaces. */
function* shortPods({ topology, network }: CheckContext): Iterable<Short> {
  for (const cluster of topology.clusters) {
    if (!cluster.podCidrs.some(({ prefix }) => typeof prefix.ip === "bigint")) continue;
    const seen = new Set<string>();
    for (const node of cluster.nodes) {
      const key = `${node.cni ? node.path : ""} ${node.interfaces.map(({ mtu }) => mtu).join()}`;
      if (seen.has(key)) continue;
      const pod = firstOf(cluster.pods.podsOn(node), (one) => !one.workload.hostNetwork);
      if (pod) seen.add(key);
      const eth0 = pod && network.netns(pod.path)?.devices.get("eth0");
      if (!pod || !eth0 || !isShort(eth0) || !pod.addresses.some((ip) => typeof ip === "bigint")) continue;
      const { source } = cluster.cni;
      const backend = childOf(source, "backend");
      yield {
        source: childOf(backend === source ? source : backend, "mtu", 0),
        where: t`pod \`${pod.path}\``,
        device: "eth0",
        mtu: eth0.mtu,
        count: 1,
        fixes: podFixes(topology, node, backend, eth0.mtu),
      };
    }
  }
}

/** Raises the plugin's `mtu` if it is set; otherwise the MTU of the node's interface, which the pod MTU is derived from. */
function podFixes(topology: Topology, node: Node, settings: Origin, mtu: number): readonly Fix[] {
  const [iface] = node.interfaces;
  const segment = iface && topology.segments.get(iface.segment);
  if (hasChild(settings, "mtu")) return [raise(settings, MINIMUM)];
  if (!iface || !segment || mtu > iface.mtu) return [];
  const wanted = MINIMUM + iface.mtu - mtu;
  return [raise(hasChild(iface.source, "mtu") ? sourceAt(iface.source, "whole") : segment.source, wanted)];
}

function raise(parent: Origin, mtu: number): Fix {
  return setFix(t`Raise the MTU to ${mtu}`, parent, "mtu", String(mtu));
}

function isShort(device: Device): boolean {
  return device.mtu < MINIMUM;
}

function firstOf<T>(items: Iterable<T>, test: (item: T) => boolean): T | undefined {
  for (const item of items) if (test(item)) return item;
  return undefined;
}
