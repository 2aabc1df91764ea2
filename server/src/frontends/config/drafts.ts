/** The networks of a cloud as declarations: segments, routers, hosts, clusters, and the traffic that routes are there for. */
import {
  addIp,
  formatIp,
  formatPrefix,
  lastAddress,
  type Prefix,
  parseIp,
  prefixContains,
  prefixEquals,
} from "../../addressing/ip.ts";
import type { Draft, Given } from "../../declared/build.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { clusterDraft } from "./cluster-drafts.ts";
import { expectations } from "./expectations.ts";
import { gatewayAddress } from "./gateway.ts";
import type {
  CloudMachine,
  CloudModel,
  CloudNat,
  CloudPeering,
  CloudRoute,
  CloudSubnet,
  Provider,
  Rule,
  TransitTable,
} from "./model.ts";
import { type At, draftAt, whole } from "./resource.ts";
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

/** The documentation prefixes (RFC 5737, RFC 3849) in which the internet is represented. */
const INTERNET = { prefixes: ["203.0.113.0/24", "2001:db8::/64"], addresses: ["203.0.113.1", "2001:db8::1"] };

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

function attach(place: At, segment: string, addresses: readonly string[]): Draft {
  return draftAt(place, { keyword: "attach", args: { segment, ...(addresses.length > 0 ? { addresses } : {}) } });
}

function attachLink(place: At, { link }: Wired, name: string): readonly Draft[] {
  return link ? [attach(place, link.name, link.addresses(name).map(formatIp))] : [];
}

/* ------------------------------------------------------------------ routers */

type RouteArguments = Readonly<Record<string, Given | readonly Given[] | true>>;

function route(place: At, destination: string, target: RouteArguments): Draft {
  return draftAt(place, { keyword: "route", args: { destination, ...target } });
}

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

/** Routes to the subnets of the other routers on the link. */
function subnetRoutes(
  { routers, link }: Wired,
  except: string,
  written: ReadonlySet<string> = new Set(),
): readonly Draft[] {
  return routers
    .filter(({ name }) => name !== except)
    .flatMap(({ name, subnets }) =>
      subnets.flatMap(({ id, ranges }) =>
        ranges.flatMap(({ prefix }) => {
          const via = ofFamily(link?.addresses(name) ?? [], typeof prefix.ip === "number" ? 4 : 6);
          const text = formatPrefix(prefix);
          return via === undefined || written.has(text) ? [] : [route(whole(id), text, { via: [via] })];
        }),
      ),
    );
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
  { transits, peerings }: CloudModel,
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

function isIn(prefix: Prefix, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && prefixContains(prefix, ip);
}

function ruleDraft({ action, direction, protocol, ports, from, to, at }: Rule, chain: string = direction): Draft {
  return draftAt(at, {
    keyword: action,
    args: {
      protocol,
      direction: chain,
      ...(ports.length > 0 ? { ports } : {}),
      ...(from.length > 0 ? { from } : {}),
      ...(to.length > 0 ? { to } : {}),
    },
  });
}

/* ------------------------------------------------------------------ the internet */

/** The internet gateway of a network, and the prefixes that have public addresses there. */
interface Served {
  readonly wired: Wired;
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly six: readonly string[];
  /** Subnets whose default route is a machine of the network, which translates their addresses. */
  readonly translated: readonly Translated[];
}

interface Translated {
  readonly subnet: CloudSubnet;
  readonly prefix: string;
  /** The way back, from another network. */
  readonly via: string | undefined;
}

function translatedBy({ subnets }: CloudModel, { appliances }: Wiring, { net, link }: Wired): readonly Translated[] {
  return appliances
    .filter((one) => one.subnet.net === net.id && (one.machine?.isPublic ?? one.subnet.isPublic))
    .flatMap(({ name, address, nets }) =>
      subnets
        .filter((subnet) => nets.includes(subnet.net) && subnet.table.routes.some((one) => isVia(one, address)))
        .flatMap((subnet) =>
          subnet.ranges.flatMap(({ prefix }) => {
            const via = subnet.net === net.id ? undefined : ofFamily(link?.addresses(name) ?? [], 4);
            return typeof prefix.ip === "number" ? [{ subnet, prefix: formatPrefix(prefix), via }] : [];
          }),
        ),
    );
}

function isVia({ to, target }: CloudRoute, address: string): boolean {
  return to === undefined && target.kind === "address" && target.address === address;
}

function servedBy(model: CloudModel, wiring: Wiring, wired: Wired): readonly Served[] {
  const { nats, machines } = model;
  if (wired.internet === undefined) return [];
  const own = new Set(wired.subnets.map(({ id }) => id));
  const subnets = wired.subnets.filter(
    ({ isPublic, table }) => isPublic && table.routes.some(({ target }) => target.kind === "internet"),
  );
  const ranges = subnets.flatMap((subnet) => subnet.ranges.map(({ prefix }) => prefix));
  const single = [
    ...nats.flatMap((nat, index) => {
      const subnet = wired.subnets.find(({ id }) => id === nat.subnet);
      const address = subnet && nat.isPublic ? natAddress(nat, subnet, index) : undefined;
      return address === undefined ? [] : [address];
    }),
    ...machines.flatMap(({ isPublic, interfaces }) =>
      isPublic ? interfaces.flatMap(({ subnet, addresses }) => (own.has(subnet) ? addresses : [])) : [],
    ),
  ].filter((address) => !ranges.some((prefix) => isIn(prefix, address)));
  const six = wired.subnets.flatMap((subnet) =>
    subnet.ranges.flatMap(({ prefix }) => (typeof prefix.ip === "number" ? [] : [formatPrefix(prefix)])),
  );
  const four = ranges.filter(({ ip }) => typeof ip === "number").map(formatPrefix);
  const translated = translatedBy(model, wiring, wired).filter(({ subnet }) => !subnets.includes(subnet));
  const prefixes = new Set([
    ...four,
    ...single.map((address) => `${address}/32`),
    ...translated.map(({ prefix }) => prefix),
  ]);
  return [{ wired, name: wired.internet, prefixes: [...prefixes], six, translated }];
}

interface InternetNames {
  readonly segment: string;
  readonly host: string;
}

/** Undefined if no machine has a public address. */
function internetNames(wiring: Wiring, served: readonly Served[]): InternetNames | undefined {
  if (served.every(({ prefixes, six }) => prefixes.length === 0 && six.length === 0)) return undefined;
  return { host: wiring.unused("internet", "host"), segment: wiring.unused("wan", "segment") };
}

function internetDrafts(served: readonly Served[], names: InternetNames | undefined): readonly Draft[] {
  const [first] = served;
  if (!first) return [];
  const gateways = served.map((one, index) => gatewayDraft(one, index, names));
  if (!names) return gateways;
  const place = whole(first.wired.net.id);
  const families = served.some(({ six }) => six.length > 0) ? 2 : 1;
  const six = served.flatMap((one, index) =>
    one.six.map((prefix) => route(place, prefix, { via: [outerAddresses(index)[1] ?? ""] })),
  );
  return [
    ...gateways,
    draftAt(place, {
      keyword: "segment",
      args: { name: names.segment },
      children: [draftAt(place, { keyword: "cidr", args: { prefixes: INTERNET.prefixes.slice(0, families) } })],
    }),
    draftAt(place, {
      keyword: "host",
      args: { name: names.host },
      children: [
        attach(place, names.segment, INTERNET.addresses.slice(0, families)),
        draftAt(place, { keyword: "answers", args: { addresses: "any" } }),
        draftAt(place, { keyword: "listen", args: { ports: ["53/udp", "80", "443"] } }),
        ...six,
      ],
    }),
  ];
}

/** The addresses of the gateways on the internet: the first one has .10. */
function outerAddresses(index: number): readonly string[] {
  return INTERNET.addresses.flatMap((text) => {
    const ip = parseIp(text);
    const own = ip === undefined ? undefined : addIp(ip, index + 9);
    return own === undefined ? [] : [formatIp(own)];
  });
}

/** Replaces private addresses by public ones, one by one in the cloud; here, all by the gateway's. */
function gatewayDraft(served: Served, index: number, names: InternetNames | undefined): Draft {
  const { wired, name, prefixes, six, translated } = served;
  const place = whole(wired.net.id);
  const isUsed = names !== undefined && (prefixes.length > 0 || six.length > 0);
  const outer = [...(prefixes.length > 0 ? [0] : []), ...(six.length > 0 ? [1] : [])];
  return draftAt(place, {
    keyword: "router",
    args: { name },
    children: [
      ...attachLink(place, wired, name),
      ...(isUsed
        ? [
            attach(
              place,
              names.segment,
              outer.flatMap((of) => outerAddresses(index)[of] ?? []),
            ),
          ]
        : []),
      ...subnetRoutes(wired, name),
      ...translated.flatMap(({ prefix, via }) => (via === undefined ? [] : [route(place, prefix, { via: [via] })])),
      ...(isUsed ? outer.map((of) => route(place, "default", { via: [INTERNET.addresses[of] ?? ""] })) : []),
      ...(isUsed && prefixes.length > 0
        ? [draftAt(place, { keyword: "masquerade", args: { from: prefixes, out: names.segment } })]
        : []),
    ],
  });
}

/** A plan does not show the address of a NAT gateway: the last one of the subnet is used. */
function natAddress({ address }: CloudNat, { ranges }: CloudSubnet, index: number): string | undefined {
  const prefix = ranges.find((one) => typeof one.prefix.ip === "number")?.prefix;
  const last = prefix && addIp(lastAddress(prefix), -2 - index);
  return address ?? (prefix && last !== undefined && prefixContains(prefix, last) ? formatIp(last) : undefined);
}

function natDraft({ subnets }: CloudModel, wiring: Wiring, nat: CloudNat, index: number): readonly Draft[] {
  const subnet = subnets.find(({ id }) => id === nat.subnet);
  const wired = subnet && wiring.ofNet(subnet.net);
  const range = subnet?.ranges.find(({ prefix }) => typeof prefix.ip === "number");
  const gateway = range && gatewayAddress(range);
  const own = subnet && natAddress(nat, subnet, index);
  if (!wired || gateway === undefined || own === undefined) return [];
  const place = whole(nat.id);
  const name = wiring.nameOf(nat.id);
  const segment = wiring.subnetName(nat.subnet);
  return [
    draftAt(place, {
      keyword: "router",
      args: { name },
      children: [
        ...attachLink(place, wired, name),
        attach(place, segment, [own]),
        // Replies to other subnets use the route table of the gateway's own subnet.
        route(place, "default", { via: [gateway] }),
        draftAt(place, { keyword: "masquerade", args: { out: segment } }),
      ],
    }),
  ];
}

/* ------------------------------------------------------------------ peerings and transit gateways */

/** A route to each prefix once: of two equal ones, the peering can use only one, and the overlap is reported. */
function distinct(routes: readonly Draft[]): readonly Draft[] {
  const seen = new Set<unknown>();
  return routes.filter(({ args }) => {
    const destination = args?.["destination"];
    return !seen.has(destination) && seen.add(destination);
  });
}

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

function hostDraft(wiring: Wiring, { id, interfaces, forwards, rules }: CloudMachine): Draft {
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
      ...rules.map((rule) => ruleDraft(rule)),
    ],
  });
}
