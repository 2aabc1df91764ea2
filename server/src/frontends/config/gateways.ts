/** Internet gateways, NAT gateways, and the internet as a host. */
import { addIp, formatIp, formatPrefix, lastAddress, parseIp, prefixContains } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { CloudModel, CloudNat, CloudRoute, CloudSubnet } from "./model.ts";
import { attach, attachLink, gatewayAddress, isIn, route, subnetRoutes } from "./parts.ts";
import { draftAt, whole } from "./resource.ts";
import { ofFamily, type Wired, type Wiring } from "./wiring.ts";

/** The documentation prefixes (RFC 5737, RFC 3849) in which the internet is represented. */
const INTERNET = { prefixes: ["203.0.113.0/24", "2001:db8::/64"], addresses: ["203.0.113.1", "2001:db8::1"] };

/** The internet gateway of a network, and the prefixes that have public addresses there. */
export interface Served {
  readonly wired: Wired;
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly six: readonly string[];
  /** Subnets whose default route is a NAT instance or a firewall of the network. */
  readonly translated: readonly Translated[];
}

interface Translated {
  readonly subnet: CloudSubnet;
  readonly prefix: string;
  /** Next hop of replies to another network. */
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

export function servedBy(model: CloudModel, wiring: Wiring, wired: Wired): readonly Served[] {
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

export interface InternetNames {
  readonly segment: string;
  readonly host: string;
}

/** Undefined if no machine has a public address. */
export function internetNames(wiring: Wiring, served: readonly Served[]): InternetNames | undefined {
  if (served.every(({ prefixes, six }) => prefixes.length === 0 && six.length === 0)) return undefined;
  return { host: wiring.unused("internet", "host"), segment: wiring.unused("wan", "segment") };
}

export function internetDrafts(served: readonly Served[], names: InternetNames | undefined): readonly Draft[] {
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

export function natDraft({ subnets }: CloudModel, wiring: Wiring, nat: CloudNat, index: number): readonly Draft[] {
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
