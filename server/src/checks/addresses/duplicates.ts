import { formatIp, type Ip, ipKey } from "../../addressing/ip.ts";
import { findDuplicates, type IpItem } from "../../addressing/overlap.ts";
import { argumentWith } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { removeFix } from "../../fixes/fix.ts";
import { sharedAddresses } from "../../questions/distinct.ts";
import { domainsOf } from "../../questions/domains.ts";
import { planOf } from "../../questions/plan.ts";
import { t } from "../../text/l10n.ts";
import type { Interface, Station, Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";

export const duplicates: Check<"KN110"> = {
  code: "KN110",
  name: "duplicate-address",
  family: "addresses",
  severity: "error",
  summary: "Two machines or two pods have the same address.",
  documentation: `## What happens

On one segment, both machines reply to ARP requests for the address, and the neighbor entry of the sender determines
which machine receives the packets. Across segments, routes point to only one of the two machines. For pods, the
Kubernetes network model requires a unique address for every pod.

## How to fix it

Change one of the addresses, or remove it: knet then allocates a free one.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router tor { attach dc 192.168.10.1 }
host backup { attach dc 192.168.10.1 }
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router tor { attach dc 192.168.10.1 }
host backup { attach dc 192.168.10.2 }
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    yield* stations(context.topology);
    yield* pods(context);
  },
};

interface Holder {
  readonly station: Station;
  readonly iface: Interface;
}

function* stations(topology: Topology): Iterable<Finding> {
  const shared = sharedAddresses(topology);
  if (shared.size === 0) return;
  const domains = domainsOf(topology);
  const items: IpItem<Holder>[] = [];
  for (const station of stationsOf(topology)) {
    for (const iface of station.interfaces) {
      for (const { ip } of iface.addresses) if (shared.has(ipKey(ip))) items.push({ ip, value: { station, iface } });
    }
  }
  const domainOf = ({ iface: { segment } }: Holder): string => {
    const domain = domains.ofSegment(segment);
    return domain === undefined ? `segment ${segment}` : String(domain);
  };
  const { duplicates: found } = findDuplicates(items, domainOf);
  for (const { ip, values } of found) {
    // If the address is on two segments with overlapping ranges, the overlap is the cause and has its own finding.
    const first = values[0];
    if (!first) continue;
    if (values.some(({ iface }) => iface.segment !== first.iface.segment) && planOf(topology).disputed(ip)) continue;
    for (const holder of values.slice(1)) {
      const [blamed, other] = holder.iface.allocated && !first.iface.allocated ? [first, holder] : [holder, first];
      yield duplicate(
        ip,
        machineText(blamed.station),
        blamed.iface.source,
        machineText(other.station),
        other.iface.source,
      );
    }
  }
}

function duplicate(ip: Ip, name: string, source: Origin, other: string, otherSource: Origin): Finding {
  const text = formatIp(ip);
  const isAddress = (arg: string): boolean => arg === text || arg.startsWith(`${text}/`);
  const place = argumentWith(source, isAddress);
  return finding(duplicates, place, t`duplicate address ${text}: ${name} and ${other} both use it`, {
    related: [{ source: argumentWith(otherSource, isAddress), message: t`${other} uses ${text}` }],
    // Without an explicit address, the machine is assigned a free one.
    fixes: place === source ? [] : [removeFix(t`Remove ${text} and allocate an address`, place)],
  });
}

/** Only pods with explicit addresses can collide: the allocator skips those addresses. */
function* pods(context: CheckContext): Iterable<Finding> {
  for (const cluster of context.topology.clusters) {
    const seen = new Map<Ip, { readonly path: string; readonly source: Origin }>();
    for (const workload of cluster.workloads) {
      for (const { ip, source } of workload.addresses) {
        const path = t`pod \`${workload.namespace}/${workload.name}\``;
        const given = seen.get(ip);
        const other = given ?? holderOf(context, cluster.name, ip, path);
        if (other) yield duplicate(ip, path, source, other.path, other.source);
        if (!given) seen.set(ip, { path, source });
      }
    }
  }
}

function holderOf(
  context: CheckContext,
  cluster: string,
  ip: Ip,
  path: string,
): { readonly path: string; readonly source: Origin } | undefined {
  const index = context.topology.clusters.find((one) => one.name === cluster)?.pods;
  const pod = index?.podsByAddress(ip).find((one) => one.workload.addresses.length === 0 && !one.workload.hostNetwork);
  if (!pod) return undefined;
  const name = t`pod \`${pod.workload.namespace}/${pod.name}\``;
  return name === path ? undefined : { path: name, source: pod.workload.source };
}
