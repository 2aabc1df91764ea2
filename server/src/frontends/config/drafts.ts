/** The networks of a cloud as declarations: segments, routers, hosts, clusters, and the traffic that routes are there for. */
import { formatPrefix, prefixEquals } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { clusterDraft } from "./cluster-drafts.ts";
import { expectations } from "./expectations.ts";
import { internetDrafts, internetNames, natDraft, servedBy } from "./gateways.ts";
import type {
  CloudMachine,
  CloudModel,
  CloudPeering,
  CloudRoute,
  CloudSubnet,
  Provider,
  TransitTable,
} from "./model.ts";
import {
  attach,
  attachLink,
  distinct,
  gatewayAddress,
  isIn,
  type RouteArguments,
  route,
  ruleDraft,
  subnetRoutes,
} from "./parts.ts";
import { draftAt, whole } from "./resource.ts";
import { vpnDrafts } from "./vpn.ts";
import {
  type Link,
  type NamedAppliance,
  netsOf,
  ofFamily,
  type TableRouter,
  type Wired,
  type Wiring,
  wire,
} from "./wiring.ts";

export interface Drafted {
  readonly drafts: readonly Draft[];
  readonly problems: readonly FileProblem[];
}

export function cloudDrafts(model: CloudModel): Drafted {
  const wiring = wire(model);
  const problems: FileProblem[] = [];
  const served = wiring.nets.flatMap((wired) => servedBy(model, wiring, wired));
  const internet = internetNames(wiring, served);
  const drafts = [
    ...wiring.nets.flatMap((wired) => [
      ...wired.subnets.map((subnet) => segmentDraft(wiring, wired, subnet)),
      ...(wired.link ? [linkDraft(wired, wired.link)] : []),
      ...wired.routers.map((router) => routerDraft(model, wiring, { wired, router }, problems)),
    ]),
    ...internetDrafts(served, internet),
    ...model.nats.flatMap((nat, index) => natDraft(model, wiring, nat, index)),
    ...model.peerings.flatMap((peering) => peeringDraft(wiring, peering)),
    ...model.transits.flatMap(({ tables }) => tables.flatMap((table) => transitDraft(wiring, table))),
    ...vpnDrafts(model, wiring),
    ...wiring.appliances.map((appliance) => applianceDraft(wiring, appliance)),
    ...model.machines
      .filter((machine) => !wiring.appliances.some((appliance) => appliance.machine === machine))
      .map((machine) => hostDraft(wiring, machine)),
    ...model.clusters.map((cluster) => clusterDraft(wiring, cluster)),
    ...expectations(model, wiring, internet?.host),
  ];
  return { drafts, problems };
}

/* ------------------------------------------------------------------ segments */

/** MTU inside of a VPC: AWS 9001, Azure 1500, Google 1460 unless the network sets another one. */
const MTUS: Readonly<Record<Provider, number>> = { aws: 9001, azure: 1500, gcp: 1460 };

function segmentDraft(wiring: Wiring, { net, routers }: Wired, subnet: CloudSubnet): Draft {
  const [range] = subnet.ranges;
  const place = range?.at ?? whole(subnet.id);
  const gateway = routers.find(({ subnets }) => subnets.includes(subnet));
  return draftAt(whole(subnet.id), {
    keyword: "segment",
    args: { name: wiring.subnetName(subnet.id) },
    children: [
      ...subnet.ranges.map((one) =>
        draftAt(one.at, { keyword: "cidr", args: { prefixes: [formatPrefix(one.prefix)] } }, { prefixes: one.at.path }),
      ),
      draftAt(place, { keyword: "cloud", args: { provider: net.provider } }),
      ...(net.mtu === undefined ? [] : [draftAt(whole(net.id), { keyword: "mtu", args: { value: String(net.mtu) } })]),
      ...(gateway ? [draftAt(place, { keyword: "gateway", args: { routers: [gateway.name] } })] : []),
    ],
  });
}

function linkDraft({ net }: Wired, link: Link): Draft {
  const place = whole(net.id);
  return draftAt(place, {
    keyword: "segment",
    args: { name: link.name },
    children: [
      draftAt(place, { keyword: "cidr", args: { prefixes: link.prefixes.map(formatPrefix) } }),
      draftAt(place, { keyword: "mtu", args: { value: String(net.mtu ?? MTUS[net.provider]) } }),
    ],
  });
}

/* ------------------------------------------------------------------ routers */

function routerDraft(
  model: CloudModel,
  wiring: Wiring,
  { wired, router }: { readonly wired: Wired; readonly router: TableRouter },
  problems: FileProblem[],
): Draft {
  const place = whole(router.table.id);
  const stated = router.table.routes.flatMap((one) => {
    const target = targetOf(model, wiring, { wired, router }, one);
    if (typeof target === "string") problems.push(assumed(one.at.resource.object, target, one.at.path));
    else if (one.target.kind === "address" && !isShown(model, one.target.address))
      problems.push(
        assumed(
          one.at.resource.object,
          t`the machine ${one.target.address} is not in the input: it is assumed to forward all packets`,
          one.at.path,
        ),
      );
    return routeDraft(one, typeof target === "string" ? { blackhole: true } : target);
  });
  const written = new Set(router.table.routes.flatMap(({ to }) => (to ? formatPrefix(to) : [])));
  return draftAt(place, {
    keyword: "router",
    args: { name: router.name },
    children: [
      ...router.subnets.map((subnet) =>
        attach(
          whole(subnet.id),
          wiring.subnetName(subnet.id),
          subnet.ranges.flatMap((one) => gatewayAddress(one) ?? []),
        ),
      ),
      ...attachLink(place, wired, router.name),
      ...subnetRoutes(wired, router.name, written),
      ...localRoutes(wired, written),
      ...stated,
      ...router.rules.map((rule) => ruleDraft(rule, "forward")),
    ],
  });
}

function isShown({ machines }: CloudModel, address: string): boolean {
  return machines.some(({ interfaces }) => interfaces.some(({ addresses }) => addresses.includes(address)));
}

function routeDraft({ to, family, at }: CloudRoute, target: RouteArguments): readonly Draft[] {
  const destination = to ? formatPrefix(to) : "via" in target ? "default" : family === 4 ? "0.0.0.0/0" : "::/0";
  return [route(at, destination, target)];
}

/** The local route: packets to addresses of the network outside of its subnets are dropped. */
function localRoutes({ net, subnets }: Wired, written: ReadonlySet<string>): readonly Draft[] {
  return net.ranges.flatMap(({ prefix, at }) =>
    subnets.some(({ ranges }) => ranges.some((one) => prefixEquals(one.prefix, prefix))) ||
    written.has(formatPrefix(prefix))
      ? []
      : [route(at, formatPrefix(prefix), { blackhole: true })],
  );
}

/** A text: why the packets are dropped. */
function targetOf(
  { transits, peerings, vpns }: CloudModel,
  wiring: Wiring,
  { wired, router }: { readonly wired: Wired; readonly router: TableRouter },
  { target, family, to }: CloudRoute,
): RouteArguments | string {
  const dropped = (text: string): string =>
    t`route to ${to ? formatPrefix(to) : t`all destinations`}: ${text}; its packets are dropped`;
  const through = (name: string | undefined): RouteArguments | string => {
    const via = name === undefined ? undefined : ofFamily(wired.link?.addresses(name) ?? [], family);
    return via === undefined ? dropped(t`its target is not in this network`) : { via: [via] };
  };
  switch (target.kind) {
    case "internet":
      return through(wired.internet);
    case "nat":
      return through(wiring.nameOf(target.nat));
    case "peering":
      return peerings.some(({ id }) => id === target.peering)
        ? through(wiring.nameOf(target.peering))
        : { blackhole: true };
    case "vpn":
      return vpns.some(({ id }) => id === target.vpn)
        ? through(wiring.nameOf(target.vpn))
        : dropped(t`${target.vpn.object.name} has no known connection`);
    case "transit": {
      const tables = transits.find(({ id }) => id === target.transit)?.tables ?? [];
      const table = tables.find(({ attached }) => attached.some(({ net }) => net === wired.net.id));
      return table ? through(wiring.nameOf(table)) : dropped(t`the network is not attached to the transit gateway`);
    }
    case "address": {
      const appliance = wiring.appliances.find(
        (one) => one.address === target.address && one.nets.includes(wired.net.id),
      );
      if (appliance && !router.subnets.includes(appliance.subnet)) return through(appliance.name);
      const isNear = router.subnets.some(({ ranges }) => ranges.some(({ prefix }) => isIn(prefix, target.address)));
      return isNear ? { via: [target.address] } : dropped(t`${target.address} is not in a subnet of this route table`);
    }
    case "drop":
      return { blackhole: true };
    case "other":
      return dropped(t`${target.text} is not modeled`);
  }
}

/* ------------------------------------------------------------------ peerings and transit gateways */

function peeringDraft(wiring: Wiring, { id, nets, isRejected }: CloudPeering): readonly Draft[] {
  const place = whole(id);
  const name = wiring.nameOf(id);
  const sides = nets.flatMap((net) => wiring.ofNet(net) ?? []);
  return [
    draftAt(place, {
      keyword: "router",
      args: { name },
      children: [
        ...sides.flatMap((side) => attachLink(place, side, name)),
        ...(isRejected ? [] : distinct(sides.flatMap((side) => subnetRoutes(side, name)))),
      ],
    }),
  ];
}

function transitDraft(wiring: Wiring, table: TransitTable): readonly Draft[] {
  const nets = [...netsOf(table)].flatMap((net) => wiring.ofNet(net) ?? []);
  if (nets.length === 0) return [];
  const place = whole(table.at);
  const name = wiring.nameOf(table);
  const propagated = table.propagated.flatMap(({ net }) => {
    const wired = wiring.ofNet(net);
    return wired ? subnetRoutes(wired, name) : [];
  });
  const stated = table.routes.flatMap(({ to, via, at }) => {
    const wired = via && wiring.ofNet(via.net);
    // Packets enter the network in a subnet of the attachment, and use its route table.
    const entry = wired?.routers.find(({ subnets }) => subnets.some(({ id }) => via?.subnets.includes(id)));
    const next = wired?.link && ofFamily(wired.link.addresses((entry ?? wired.routers[0])?.name ?? ""), 4);
    const destination = to ? formatPrefix(to) : next === undefined ? "0.0.0.0/0" : "default";
    return [route(at, destination, next === undefined ? { blackhole: true } : { via: [next] })];
  });
  return [
    draftAt(place, {
      keyword: "router",
      args: { name },
      children: [...nets.flatMap((net) => attachLink(place, net, name)), ...distinct([...stated, ...propagated])],
    }),
  ];
}

/* ------------------------------------------------------------------ machines */

function applianceDraft(wiring: Wiring, { name, address, subnet, machine, nets }: NamedAppliance): Draft {
  const place = whole(machine?.id ?? subnet.id);
  const gateway = subnet.ranges.find(({ prefix }) => isIn(prefix, address));
  const sides = [...new Set([...nets, subnet.net])].flatMap((net) => wiring.ofNet(net) ?? []);
  const via = gateway && gatewayAddress(gateway);
  const own = wiring.ofNet(subnet.net)?.routers.find(({ subnets }) => subnets.includes(subnet))?.name ?? "";
  return draftAt(place, {
    keyword: "router",
    args: { name },
    children: [
      attach(place, wiring.subnetName(subnet.id), [address]),
      ...sides.flatMap((side) => attachLink(place, side, name)),
      ...distinct(sides.flatMap((side) => subnetRoutes(side, own))),
      ...(via === undefined ? [] : [route(place, "default", { via: [via] })]),
      ...(machine?.rules ?? []).map((rule) => ruleDraft(rule, "forward")),
    ],
  });
}

function hostDraft(wiring: Wiring, { id, interfaces, forwards, rules, listens }: CloudMachine): Draft {
  const place = whole(id);
  return draftAt(place, {
    keyword: "host",
    args: { name: wiring.nameOf(id) },
    children: [
      ...interfaces.map(({ subnet, addresses, at }) =>
        draftAt(at, {
          keyword: "attach",
          args: { segment: wiring.subnetName(subnet), ...(addresses.length > 0 ? { addresses } : {}) },
          ...(forwards ? { children: [draftAt(at, { keyword: "source-check", args: { value: "false" } })] } : {}),
        }),
      ),
      ...(forwards ? [draftAt(place, { keyword: "sysctl", args: { name: "net.ipv4.ip_forward", value: "1" } })] : []),
      ...distinctPorts(listens ?? []).map(({ port, at }) =>
        draftAt(at, { keyword: "listen", args: { ports: [port] } }),
      ),
      ...rules.map((rule) => ruleDraft(rule)),
    ],
  });
}

function distinctPorts<T extends { readonly port: string }>(all: readonly T[]): readonly T[] {
  return all.filter(({ port }, index) => all.findIndex((one) => one.port === port) === index);
}
