import {
  family,
  formatIp,
  formatPrefix,
  prefixContains,
  prefixRange,
  rangeContains,
  rangesOverlap,
} from "../../addressing/ip.ts";
import { routesOf } from "../../dataplane/print.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { machineText } from "../../findings/machines.ts";
import { nodesInside, overlapFindings } from "../../findings/overlaps.ts";
import type { Conflict } from "../../questions/plan.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import { stationAt } from "../../topology/stations.ts";

export const podsSegment: Check<"KN102"> = {
  code: "KN102",
  name: "pod-segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "The pod CIDR overlaps a segment or the address of a node, router, or host.",
  documentation: `## What happens

Every node has routes for the pod CIDR that are more specific than its default route. Packets to a machine with an
address in the pod CIDR follow these routes: into a tunnel, to another node, or to a bridge on which no machine replies.
If the machine is a node, the cluster itself breaks: the outer packets of a tunnel are routed into the tunnel,
\`kubectl logs\` fails for some nodes, and other nodes flap.

Packets from pods to addresses in the pod CIDR are not masqueraded. If no pod route covers the shared range yet, the
packets reach the machine, but the replies are lost because the network has no route to the pod. After a node is
assigned a pod CIDR in the shared range, the packets follow the route to that node.

## How to fix it

Choose a pod CIDR that no segment uses. Common causes of the overlap are Calico's default 192.168.0.0/16 on a home or
office network, and Cilium's default 10.0.0.0/8 on any network in that range.`,
  example: {
    bad: `segment office { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 192.168.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach office 192.168.10.11; pod-cidr 192.168.1.0/24 }
}
`,
    good: `segment office { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach office 192.168.10.11 }
}
`,
  },
  run: (context) =>
    overlapFindings(podsSegment, context, {
      kind: "pods-segment",
      blame: "a",
      isSaid: (conflict) => isRefused(context, conflict),
      consequence: (conflict) => {
        const captured = capturedText(context.topology, conflict);
        if (captured !== undefined) return captured;
        const nodes = nodesInside(context.topology, conflict.a.cluster, conflict);
        if (nodes !== undefined) {
          return t`packets to ${nodes} are lost as soon as a node is assigned a pod CIDR that contains the address`;
        }
        return isCaptured(context, conflict)
          ? t`packets to machines in the shared range follow the pod routes and are lost`
          : t`packets from pods to machines in the shared range are not masqueraded, so replies are lost`;
      },
    }),
};

/** The machines on the segment with an address in a node's pod CIDR: packets to them follow the route to that node's pods. */
function capturedText(topology: Topology, { a, b, shared }: Conflict): string | undefined {
  const cluster = topology.clusters.find(({ name }) => name === a.cluster);
  if (!cluster || b.segment === undefined) return undefined;
  const inside = topology.attachedTo(b.segment).flatMap(({ station, addresses }) =>
    addresses.flatMap(({ ip }) => {
      const owner = rangeContains(shared, ip) ? cluster.nodeByPodAddress(ip) : undefined;
      const cidr = owner?.podCidrs.find(({ prefix }) => prefixContains(prefix, ip))?.prefix;
      return owner && cidr ? [{ station, ip: formatIp(ip), owner: owner.path, cidr: formatPrefix(cidr) }] : [];
    }),
  );
  const nodes = inside.flatMap((one) => {
    const node = stationAt(topology, one.station.path);
    return node?.kind === "node" && node.cluster === cluster.name ? [{ ...one, text: `\`${node.path}\`` }] : [];
  });
  const others = inside.map((one) => ({ ...one, text: machineText(one.station) }));
  const [first, ...more] = nodes.length > 0 ? nodes : others;
  if (!first) return undefined;
  const { ip, cidr, owner } = first;
  if (more.length === 0) {
    const who = nodes.length > 0 ? t`node ${first.text}` : first.text;
    return t`packets to ${who} (${ip}) follow the route to pod CIDR ${cidr} of node \`${owner}\``;
  }
  const texts = list([first, ...more].map(({ text }) => text));
  const who = nodes.length > 0 ? t`nodes ${texts}` : texts;
  return t`packets to ${who} follow pod routes, such as the route to ${cidr} of node \`${owner}\` for ${ip}`;
}

/** Whether the segment is a network of the nodes, and the plugin therefore fails to start, which is already reported. */
function isRefused({ topology, explaining }: CheckContext, { a, b }: Conflict): boolean {
  const nodes =
    explaining("pods-on-segment").length > 0
      ? (topology.clusters.find(({ name }) => name === a.cluster)?.nodes ?? [])
      : [];
  return nodes.some(({ interfaces }) => interfaces.some(({ segment }) => segment === b.segment));
}

/** Whether a node already has a pod route in the shared range. Connected routes of physical interfaces are not pod routes. */
function isCaptured({ topology, network }: CheckContext, { a, shared }: Conflict): boolean {
  const cluster = topology.clusters.find(({ name }) => name === a.cluster);
  if (cluster?.nodes.some(({ podCidrs }) => podCidrs.some(({ prefix }) => rangesOverlap(prefixRange(prefix), shared))))
    return true;
  const netns = network.netns(cluster?.nodes[0]?.path ?? "");
  if (!netns) return true;
  return routesOf(netns, family(shared.first)).some(
    ({ dst, proto, nexthops }) =>
      dst.len > 0 &&
      rangesOverlap(prefixRange(dst), shared) &&
      !(proto === "kernel" && nexthops.every(({ dev }) => netns.devices.get(dev ?? "")?.kind === "physical")),
  );
}
