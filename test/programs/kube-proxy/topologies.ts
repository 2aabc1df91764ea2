// Clusters with services of every kind; a seed produces the same text on every machine.
import { type Random, seeded } from "../../../server/src/lab/random.ts";

export type ProxyMode = "iptables" | "nftables" | "ipvs";

/** `minor`: the Kubernetes release, 37 for 1.37. */
export function servicesText(seed: number, mode: ProxyMode, minor: number): string {
  const random = seeded(seed);
  const dual = random.once(2);
  const v6 = (text: string): string => (dual ? text : "");
  const nodes = ["n1", "n2", "n3"].map((name, i) => {
    const zone = random.once(2) ? `; labels topology.kubernetes.io/zone=z${i % 2}` : "";
    const vip = i === 0 && random.once(3) ? `; loopback ${VIPS[0]}` : "";
    return `node ${name} { attach lan 192.168.10.${11 + i}${v6(` fd00:10::${11 + i}`)}${zone}${vip} }`;
  });
  const apps = ["a", "b", "c"].map(
    (app, i) =>
      `deployment ${app} replicas ${1 + random.int(4)} { labels app=${app}; container m { listen ${8000 + i}/tcp as http; listen 53/udp; listen 9${i}/sctp } }`,
  );
  const services = Array.from({ length: 4 + random.int(5) }, (_, i) => serviceText(random, i, dual, minor));
  return `segment lan { cidr 192.168.10.0/24${v6("; cidr fd00:10::/64")}; gateway r }
router r { attach lan 192.168.10.1${v6(" fd00:10::1")} }
cluster c {
  version 1.${minor}
  pods 10.244.0.0/16${v6("\n  pods fd00:244::/56")}
  services 10.96.0.0/16${v6("\n  services fd00:96::/112")}
  cni flannel { backend host-gw }
  kube-proxy ${mode} {
${settings(random, mode, dual)
  .map((line) => `    ${line}\n`)
  .join("")}  }
  ${nodes.join("\n  ")}
  namespace shop {
    ${[...apps, ...services].join("\n    ")}
  }
}
`;
}

/** Addresses of load balancers; the first one is sometimes on a node. */
const VIPS = ["203.0.113.10", "203.0.113.11", "192.168.10.240"];
const VIPS6 = ["2001:db8::10", "2001:db8::11"];

function settings(random: Random, mode: ProxyMode, dual: boolean): readonly string[] {
  const some = (of: number, text: string): readonly string[] => (random.once(of) ? [text] : []);
  const addresses = random.pick([
    "",
    "",
    "primary",
    "192.168.10.0/24",
    "127.0.0.0/8 192.168.0.0/16",
    "10.0.0.0/8",
    "0.0.0.0/0",
    dual ? "fd00:10::/64" : "",
  ]);
  return [
    ...some(4, "masquerade-all"),
    ...some(4, `masquerade-bit ${random.pick([0, 15, 31])}`),
    ...(addresses === "" ? [] : [`node-port-addresses ${addresses}`]),
    ...(mode === "iptables" ? some(3, "localhost-node-ports false") : []),
    ...some(
      2,
      `detect-local ${random.pick(["node-cidr", "bridge-interface cni0", "interface-name-prefix veth", "cluster-cidr"])}`,
    ),
    ...(mode === "ipvs" ? some(3, `scheduler ${random.pick(["wrr", "lc", "sh"])}`) : []),
  ];
}

function serviceText(random: Random, i: number, dual: boolean, minor: number): string {
  const type = random.pick(["cluster-ip", "node-port", "load-balancer", "load-balancer"]);
  const app = random.pick(["a", "b", "c", "none"]);
  const named = random.once(2);
  const ports = [
    `port ${80 + i} -> ${random.pick(["http", "8001/tcp"])}${named ? " name web" : ""}`,
    ...(named && random.once(2) ? [`port ${5300 + i} -> 53/udp name dns`] : []),
    ...(named && random.once(4) ? [`port ${9000 + i} -> 90/sctp name sig`] : []),
  ];
  const some = (of: number, text: string): readonly string[] => (random.once(of) ? [text] : []);
  const isBalancer = type === "load-balancer";
  const vips = [...(isBalancer ? [random.pick(VIPS)] : []), ...(isBalancer && dual ? [random.pick(VIPS6)] : [])];
  const ranges = random.pick(["192.168.0.0/16", "198.51.100.0/24 192.168.10.0/24", "0.0.0.0/0", "198.51.100.0/24"]);
  const isExternal = type !== "cluster-ip";
  return `service s${i} { ${[
    `type ${type}`,
    `select app=${app}`,
    ...(dual ? [`families ${random.pick(["ipv4", "ipv6", "ipv4 ipv6", "ipv6 ipv4"])}`] : []),
    ...ports,
    ...(vips.length > 0 ? [`load-balancer-ip ${vips.join(" ")}`] : []),
    ...(isBalancer ? some(2, `load-balancer-source-ranges ${ranges}${dual ? " 2001:db8:1::/64" : ""}`) : []),
    ...some(3, `external-ip 198.51.100.${10 + i}`),
    ...(isExternal ? some(2, "external-traffic-policy local") : []),
    ...some(3, "internal-traffic-policy local"),
    ...some(3, `session-affinity client-ip${random.once(2) ? " timeout 600" : ""}`),
    ...some(3, `traffic-distribution ${minor >= 34 && random.once(2) ? "prefer-same-node" : "prefer-same-zone"}`),
  ].join("; ")} }`;
}
