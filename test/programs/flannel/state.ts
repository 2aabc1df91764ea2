/**
 * What flanneld leaves on a node, as lines of text: devices, addresses, routes, neighbor and FDB entries, IPsec, and
 * netfilter rules. The same lines are made from knet's prediction. MAC addresses are random, and replaced by the node's name.
 */
import { formatIp, formatPrefix, isLinkLocal } from "../../../server/src/addressing/ip.ts";
import type { Device, Netns } from "../../../server/src/dataplane/model.ts";
import { routesReport } from "../../../server/src/dataplane/print.ts";
import {
  addressLines,
  type Chains,
  FAMILIES,
  jsonOf,
  kernelChains,
  kernelRoutes,
  type Lines,
  type Link,
  linksOf,
  predictedChains,
  predictedRoutes,
  routeLine,
} from "../lines.ts";
import { inSpace } from "../spaces.ts";

/** MAC address → name. */
export type Macs = ReadonlyMap<string, string>;

/** Devices of flanneld; the bridge and the veth devices belong to the CNI plugin. */
const OWN = /^flannel/;
const PLUGIN = /^(cni0|veth)/;
const OWN_CHAIN = /^FLANNEL-/;
const OWN_JUMP = /-j FLANNEL-/;

/* --------------------------------------------------------------- prediction */

export function predictedMacs(nodes: readonly Netns[]): Macs {
  return new Map(
    nodes.flatMap(({ id, devices }) =>
      [...devices.values()].flatMap(({ name, mac }) => (mac && OWN.test(name) ? [[mac, `mac(${id} ${name})`]] : [])),
    ) as [string, string][],
  );
}

export function predicted(netns: Netns, bare: Netns, macs: Macs): Lines {
  const before = new Set(predictedRoutes(bare).map(routeLine));
  const { neighbours, fdb, xfrm } = routesReport(netns, () => undefined);
  return [
    ...[...netns.devices.values()].filter(({ name }) => OWN.test(name)).flatMap(deviceLines),
    ...predictedRoutes(netns)
      .filter(({ nexthops }) => !nexthops.some(({ dev }) => PLUGIN.test(dev)))
      .map(routeLine)
      .filter((one) => !before.has(one)),
    ...neighbours.map(({ dst, dev, lladdr }) => `neighbor ${dst} dev ${dev} ${macs.get(lladdr) ?? lladdr}`),
    ...fdb.map(({ mac, dev, dst }) => `fdb ${macs.get(mac) ?? mac} dev ${dev} dst ${dst}`),
    ...(xfrm?.policies ?? []).map(
      ({ dir, src, dst, tmpl }) => `xfrm policy ${dir} ${src} ${dst} tmpl ${tmpl.src} ${tmpl.dst} ${tmpl.mode}`,
    ),
    ...(xfrm?.states ?? []).map(({ src, dst, encap }) => `xfrm state ${src} ${dst} ${encap ?? ""}`.trim()),
    ...FAMILIES.flatMap((family) => [
      ...ownChains(family, predictedChains(netns, family)),
      ...nftChainLines(
        netns.netfilter
          .nft(family)
          .map(({ text }) => text)
          .join("\n"),
        family,
      ),
    ]),
  ];
}

function deviceLines(device: Device): Lines {
  const addresses = device.addresses
    .filter(({ ip }) => !isLinkLocal(ip))
    .map(({ ip, len }) => `${formatIp(ip)}/${len}`);
  const { name, mtu } = device;
  return [
    `device ${name} ${kindOf(device)} mtu ${mtu}`,
    ...addresses.map((address) => `address ${address} dev ${name}`),
  ];
}

function kindOf(device: Device): string {
  switch (device.kind) {
    case "vxlan": {
      const { vni, port, local, lower, learning } = device;
      return `vxlan id ${vni} local ${formatIp(local)} dev ${lower ?? ""} dstport ${port} ${learning ? "learning" : "nolearning"}`;
    }
    case "ipip":
      return `ipip local ${device.local === undefined ? "any" : formatIp(device.local)}`;
    case "wireguard": {
      const peers = [...device.peers.entries()].map(
        ({ endpoint, allowedIps }) =>
          `${formatIp(endpoint.ip)} port ${endpoint.port} allowed ${allowedIps.map(formatPrefix).sort().join(" ")}`,
      );
      return `wireguard port ${device.port} peers ${peers.sort().join("; ")}`;
    }
    default:
      return device.kind;
  }
}

/** One line for each chain of flannel, with its rules in order. */
function ownChains(family: 4 | 6, chains: Chains): Lines {
  return [...chains].flatMap(([name, rules]) => {
    const own = OWN_CHAIN.test(name) ? rules : rules.filter((rule) => OWN_JUMP.test(rule));
    return own.length === 0 ? [] : [`chain ${family} ${name}: ${own.join("; ")}`];
  });
}

/* ------------------------------------------------------------- observation */

export function observedMacs(nodes: readonly { readonly id: string; readonly name: string }[]): Macs {
  return new Map(
    nodes.flatMap(({ id, name }) =>
      linksOf(name).flatMap(({ ifname, address }) =>
        address !== undefined && OWN.test(ifname) ? [[address, `mac(${id} ${ifname})`] as const] : [],
      ),
    ),
  );
}

/** `before`: the lines of the routes that existed before flanneld was started. */
export function observed(name: string, macs: Macs, before: ReadonlySet<string>): Lines {
  return [
    ...linksOf(name)
      .filter(({ ifname }) => OWN.test(ifname))
      .flatMap((link) => observedDevice(name, link)),
    ...kernelRoutes(name).filter((one) => !before.has(one)),
    ...observedNeighbours(name, macs),
    ...observedXfrm(name),
    ...FAMILIES.flatMap((family) => [...ownChains(family, kernelChains(name, family)), ...nftLines(name, family)]),
  ];
}

function observedDevice(name: string, link: Link): Lines {
  const { ifname, mtu, linkinfo } = link;
  const data = linkinfo?.info_data ?? {};
  const kinds: Readonly<Record<string, () => string>> = {
    vxlan: () =>
      `vxlan id ${data["id"]} local ${data["local"] ?? data["local6"]} dev ${data["link"] ?? ""} dstport ${data["port"]} ${data["learning"] === true ? "learning" : "nolearning"}`,
    ipip: () => `ipip local ${data["local"] ?? "any"}`,
    wireguard: () => wireguardText(name, ifname),
  };
  const kind = linkinfo?.info_kind ?? "";
  return [`device ${ifname} ${kinds[kind]?.() ?? kind} mtu ${mtu}`, ...addressLines(link)];
}

function wireguardText(name: string, device: string): string {
  const [own = "", ...peers] = inSpace(name, ["wg", "show", device, "dump"]).trim().split("\n");
  const texts = peers.map((peer) => {
    const [, , endpoint = "", allowed = ""] = peer.split("\t");
    const [, ip = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(endpoint) ?? [];
    return `${ip} port ${port} allowed ${allowed.split(",").sort().join(" ")}`;
  });
  return `wireguard port ${own.split("\t")[2]} peers ${texts.sort().join("; ")}`;
}

function observedNeighbours(name: string, macs: Macs): Lines {
  const neighbours = jsonOf<{ readonly dst: string; readonly dev: string; readonly lladdr?: string }>(name, [
    ...["ip", "-j", "neigh", "show", "nud", "permanent"],
  ]);
  const fdb = jsonOf<{ readonly mac: string; readonly ifname: string; readonly dst?: string }>(name, [
    "bridge",
    "-j",
    "fdb",
  ]);
  return [
    ...neighbours.map(({ dst, dev, lladdr = "" }) => `neighbor ${dst} dev ${dev} ${macs.get(lladdr) ?? lladdr}`),
    ...fdb.flatMap(({ mac, ifname, dst }) =>
      dst === undefined ? [] : [`fdb ${macs.get(mac) ?? mac} dev ${ifname} dst ${dst}`],
    ),
  ];
}

function observedXfrm(name: string): Lines {
  const read = (what: string): string => {
    try {
      return inSpace(name, ["ip", "xfrm", what]);
    } catch {
      // The kernel has no IPsec.
      return "";
    }
  };
  const policies = [
    ...read("policy").matchAll(
      /^src (\S+) dst (\S+)[^\n]*\n\s+dir (in|out|fwd)[^\n]*\n\s+tmpl src (\S+) dst (\S+)[^\n]*\n[^\n]*mode (\w+)/gm,
    ),
  ];
  const states = [...read("state").matchAll(/^src (\S+) dst (\S+)\n((?:[ \t][^\n]*\n)*)/gm)];
  return [
    ...policies.map(
      ([, src, dst, dir, from, to, mode]) => `xfrm policy ${dir} ${src} ${dst} tmpl ${from} ${to} ${mode}`,
    ),
    ...states.map(([, src, dst, rest = ""]) => {
      const port = /encap type espinudp sport (\d+)/.exec(rest)?.[1];
      return `xfrm state ${src} ${dst} ${port === undefined ? "" : `udp ${port}`}`.trim();
    }),
  ];
}

/** The base chains. */
const HEADS: Readonly<Record<string, string>> = {
  postrtg: "type nat hook postrouting priority 100",
  forward: "type filter hook forward priority 0",
};

function nftLines(name: string, family: 4 | 6): Lines {
  let text: string;
  try {
    text = inSpace(name, ["nft", "list", "table", family === 4 ? "ip" : "ip6", `flannel-ipv${family}`]);
  } catch {
    // The table does not exist.
    return [];
  }
  return nftChainLines(text, family);
}

/** Priorities as numbers, without counters and comments. */
function nftChainLines(listing: string, family: 4 | 6): Lines {
  const text = listing.replace("priority srcnat", "priority 100").replace("priority filter", "priority 0");
  const lines: string[] = [];
  for (const [, chain = "", body = ""] of text.matchAll(/chain (\S+) \{([^}]*)\}/g)) {
    const head = /type [^;]*/.exec(body)?.[0];
    if (head !== HEADS[chain]) lines.push(`chain ${family} nft ${chain}: ${head}`);
    const rules = body
      .split("\n")
      .map((one) => one.trim())
      .filter((one) => one !== "" && !one.startsWith("type ") && !one.startsWith("comment "));
    if (rules.length > 0) lines.push(`chain ${family} nft ${chain}: ${rules.map(nftWords).join("; ")}`);
  }
  return lines;
}

function nftWords(rule: string): string {
  return rule
    .replace(/ comment "[^"]*"/, "")
    .replace(/counter packets \d+ bytes \d+ /, "")
    .replace(/^mark/, "meta mark")
    .replace(" fully-random", "");
}
