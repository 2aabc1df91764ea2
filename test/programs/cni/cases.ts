/** Topologies whose pods the reference CNI plugins create, and the configuration that the plugins get on a node. */
import { formatIp, formatPrefix, prefixOf } from "../../../server/src/addressing/ip.ts";
import type { Kernel } from "../../../server/src/cli/box/box.ts";
import type { Node, Pod } from "../../../server/src/topology/model.ts";

export interface CniCase {
  readonly name: string;
  readonly kernel: Kernel;
  readonly text: string;
  readonly conf: (place: Place) => Conf;
}

export interface Place {
  readonly node: Node;
  readonly pod: Pod;
  /** Folder for host-local's files. */
  readonly folder: string;
  /** The segment's gateways. */
  readonly gateways: readonly string[];
}

/** Plugins of a conflist; the first one creates the interface. */
export interface Conf {
  readonly name: string;
  readonly plugins: readonly Plugin[];
}
export type Plugin = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Variant {
  readonly cni: string;
  readonly kernel?: Kernel;
  readonly ipv6?: boolean;
  /** Lines of the containers' ports. */
  readonly ports?: string;
  /** Pods have addresses of the nodes' segment. */
  readonly shared?: boolean;
  readonly conf: (place: Place) => Conf;
}

const PORTMAP: Plugin = { type: "portmap", capabilities: { portMappings: true } };
const NETWORK = "prod";

/** host-local with the node's ranges; `last`: the gateway is the last address. */
function hostLocal({ node, folder }: Place, options: { routes?: boolean; last?: boolean } = {}): object {
  const ranges = node.podCidrs.map(({ prefix }) => {
    const gateway =
      options.last && typeof prefix.ip === "number" ? formatIp(prefix.ip + 2 ** (32 - prefix.len) - 2) : undefined;
    return [{ subnet: formatPrefix(prefix), ...(gateway === undefined ? {} : { gateway }) }];
  });
  const families = new Set(node.podCidrs.map(({ prefix }) => typeof prefix.ip));
  const routes = [...families].map((one) => ({ dst: one === "number" ? "0.0.0.0/0" : "::/0" }));
  return { type: "host-local", dataDir: folder, ranges, ...(options.routes ? { routes } : {}) };
}

const bridge =
  (options: Readonly<Record<string, unknown>>, ipam: { last?: boolean } = {}) =>
  (place: Place): Conf => ({
    name: NETWORK,
    plugins: [
      { type: "bridge", bridge: "cni0", isDefaultGateway: true, ...options, ipam: hostLocal(place, ipam) },
      PORTMAP,
    ],
  });

/** images/kindnetd/cmd/kindnetd/cni.go. */
const kindnet = (place: Place): Conf => ({
  name: "kindnet",
  plugins: [{ type: "ptp", ipMasq: false, mtu: 1500, ipam: hostLocal(place, { routes: true }) }, PORTMAP],
});

/** What the flannel plugin passes on (flannel-io/cni-plugin, flannel_linux.go), with the settings of the default manifest. */
const flannel =
  (mtu: number, ipMasq = false) =>
  (place: Place): Conf => ({
    name: "cbr0",
    plugins: [
      {
        type: "bridge",
        bridge: "cni0",
        hairpinMode: true,
        isGateway: true,
        isDefaultGateway: true,
        mtu,
        ipMasq,
        ipam: { ...hostLocal(place), routes: [{ dst: "10.244.0.0/16" }] },
      },
      PORTMAP,
    ],
  });

/** Instead of whereabouts, which needs a cluster: the address that knet has allocated. */
const stacked =
  (type: "macvlan" | "ipvlan", options: Readonly<Record<string, unknown>>) =>
  (place: Place): Conf => {
    const { node, pod, gateways } = place;
    const [iface] = node.interfaces;
    const addresses = pod.addresses.map((ip) => {
      const len = iface?.addresses.find((one) => typeof one.ip === typeof ip)?.len ?? 24;
      const subnet = prefixOf(ip, len);
      const gateway = gateways.find((one) => one.includes(":") === (typeof subnet.ip === "bigint"));
      return { address: `${formatIp(ip)}/${len}`, ...(gateway === undefined ? {} : { gateway }) };
    });
    const routes = gateways.map((gw) => ({ dst: gw.includes(":") ? "::/0" : "0.0.0.0/0", gw }));
    return {
      name: NETWORK,
      plugins: [{ type, master: "eth0", ...options, ipam: { type: "static", addresses, routes } }],
    };
  };

const VARIANTS: Readonly<Record<string, Variant>> = {
  bridge: { cni: "bridge", conf: bridge({}) },
  "bridge with masquerading": { cni: "bridge { ip-masq true }", conf: bridge({ ipMasq: true }) },
  "bridge with hairpin mode and MTU": {
    cni: "bridge { hairpin-mode true; mtu 1400 }",
    conf: bridge({ hairpinMode: true, mtu: 1400 }),
  },
  "bridge with the last address": { cni: "bridge { gateway last }", conf: bridge({}, { last: true }) },
  "bridge with host ports": {
    cni: "bridge",
    ports: "listen 8080/tcp host-port 80; listen 53/udp host-port 53",
    conf: bridge({}),
  },
  "bridge with masquerading and host ports": {
    cni: "bridge { ip-masq true }",
    ports: "listen 8080/tcp host-port 80; listen 9090/tcp host-port 90",
    conf: bridge({ ipMasq: true }),
  },
  "bridge, dual stack": { cni: "bridge { ip-masq true }", ipv6: true, conf: bridge({ ipMasq: true }) },
  "bridge, dual stack, with host ports": {
    cni: "bridge",
    ipv6: true,
    ports: "listen 8080/tcp host-port 80",
    conf: bridge({}),
  },
  flannel: { cni: "flannel { backend vxlan }", conf: flannel(1450) },
  "flannel without its own masquerading": {
    cni: "flannel { backend vxlan; ip-masq false }",
    conf: flannel(1450, true),
  },
  kindnet: { cni: "kindnet", conf: kindnet },
  "kindnet with host ports": { cni: "kindnet", ports: "listen 8080/tcp host-port 80", conf: kindnet },
  "kindnet, dual stack": { cni: "kindnet", ipv6: true, conf: kindnet },
  macvlan: { cni: "macvlan { range 192.168.10.128/26 }", shared: true, conf: stacked("macvlan", { mode: "bridge" }) },
  "macvlan private with MTU": {
    cni: "macvlan { range 192.168.10.128/26; mode private; mtu 1400 }",
    shared: true,
    conf: stacked("macvlan", { mode: "private", mtu: 1400 }),
  },
  "macvlan vepa": {
    cni: "macvlan { range 192.168.10.128/26; mode vepa }",
    shared: true,
    conf: stacked("macvlan", { mode: "vepa" }),
  },
  "ipvlan l2": {
    cni: "ipvlan { range 192.168.10.128/26 }",
    shared: true,
    kernel: "uml",
    conf: stacked("ipvlan", { mode: "l2" }),
  },
  "ipvlan l3": {
    cni: "ipvlan { mode l3 }",
    kernel: "uml",
    conf: (place) => ({
      name: NETWORK,
      plugins: [{ type: "ipvlan", master: "eth0", mode: "l3", ipam: hostLocal(place, { routes: true }) }],
    }),
  },
};

export const CASES: readonly CniCase[] = Object.entries(VARIANTS).map(([name, variant]) => ({
  name,
  kernel: variant.kernel ?? "host",
  text: textOf(variant),
  conf: variant.conf,
}));

function textOf({ cni, ipv6 = false, ports = "listen 8080/tcp", shared = false }: Variant): string {
  const pods = shared
    ? []
    : ["  pods 10.244.0.0/16 per-node /24", ...(ipv6 ? ["  pods fd00:244::/48 per-node /64"] : [])];
  const at = (last: number): string => `attach lan 192.168.10.${last}${ipv6 ? ` fd00:10::${last}` : ""}`;
  return [
    `segment lan { cidr 192.168.10.0/24${ipv6 ? " fd00:10::/64" : ""}; gateway router }`,
    `router router { ${at(1)} }`,
    "cluster prod {",
    ...pods,
    `  cni ${cni}`,
    ...[1, 2].map((i) => {
      const range = `pod-cidr 10.244.${i}.0/24${ipv6 ? ` fd00:244:0:${i}::/64` : ""}`;
      return `  node node${i} { ${[at(10 + i), ...(shared ? [] : [range])].join("; ")} }`;
    }),
    "  namespace shop {",
    ...["web", "db"].map(
      (name) =>
        `    pod ${name} on node1 { container c { ${ports.replaceAll(/host-port (\d+)/g, (_, port) => `host-port ${Number(port) + (name === "db" ? 1000 : 0)}`)} } }`,
    ),
    "    pod api on node2 { container c { listen 9090/tcp } }",
    "  }",
    "}",
    "",
  ].join("\n");
}
