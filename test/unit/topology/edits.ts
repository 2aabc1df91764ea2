/** Random edits of labels, selectors, sysctls, and settings, and files in which they matter. */
import fc from "fast-check";
import type { TextEdit } from "../../../server/src/text/edit.ts";

/** Nodes with every kind of setting, and all that refers to nodes and workloads. */
export const settled = `segment a { cidr 10.0.0.0/24; gateway 10.0.0.1; mtu 1500 }
segment b { cidr 10.0.1.0/24 }
segment e { cidr 10.0.2.0/24; gateway r }
router r { attach a 10.0.0.1; attach b 10.0.1.1; attach e; sysctl net.ipv4.ip_forward 1 }
segment wan { cidr 203.0.113.0/24 }
router nat { attach e 10.0.2.2; attach wan 203.0.113.1; masquerade out wan }
host h { attach a 10.0.0.99; sysctl net.ipv4.ip_forward 0 }
cluster c {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/24
  node-port-range 30000-31000
  cni flannel { backend vxlan { vni 1; port 8472 } }
  kube-proxy iptables { masquerade-all false }
  node n1 { attach a 10.0.0.11; pod-cidr 10.244.1.0/24; labels rack=a; sysctl net.ipv4.ip_forward 1 }
  node n2 { attach b 10.0.1.12; pod-cidr 10.244.2.0/24; labels rack=b disk=ssd; sysctl net.ipv4.conf.all.rp_filter 1 }
  node n3 { attach a 10.0.0.13 { mtu 1400 }; pod-cidr 10.244.3.0/24; labels rack=a; deny from 10.0.1.0/24 }
  node n4 { attach b 10.0.1.14; attach a 10.0.0.14; route 10.66.0.0/16 via 10.0.1.1; daemon d { listen 9 } }
  node n5 { attach e; labels rack=c }
  nodes w 1..3 { attach b 10.0.1.20; labels rack=b }
  namespace shop {
    labels team=one
    deployment web replicas 4 { listen 80 as http; labels app=web }
    deployment api replicas 3 { listen 90; labels app=api tier=back }
    pod one on n2 { address 10.244.2.40; labels app=web }
    daemonset agent { labels app=agent; host-network; listen 91 }
    service web { select app=web; port 80 -> http }
    service api { type node-port; select app=api; port 90; node-port 31000 }
    service open { type load-balancer; select app=api; port 90; external-traffic-policy local }
    service none { select app=none; port 90; cluster-ip 10.96.0.77 }
    policy p { select app=web; ingress from app=api to 80 }
  }
}
`;

/** Nodes that get addresses or blocks only after the pods have been placed. */
export const claiming = `segment a { cidr 10.0.0.0/24 }
router r { attach a 10.0.0.1 }
cluster d {
  cni calico { pool racks 10.200.0.0/16 { block-size /26; node-selector rack=a } }
  node m1 { attach a 10.0.0.31; labels rack=a }
  node m2 { attach a 10.0.0.32; labels rack=b }
  nodes w 1..2 { attach a; labels rack=a }
  deployment z replicas 200
  pod one on m1 { address 10.200.0.5 }
}
`;

/** The words that can replace each other. */
const WORDS: readonly (readonly string[])[] = [
  ["rack=a", "rack=b", "rack=c", "disk=ssd", "app=web", "app=api", "app=none", "tier=back", "team=one", "team=two"],
  ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter"],
  ["labels", "select"],
  ["vxlan", "host-gw", "ipip"],
  ["flannel", "bridge", "calico", "none"],
  ["iptables", "nftables", "ipvs"],
  ["node-port", "load-balancer", "cluster-ip"],
  ["true", "false"],
  ["30000-31000", "30000-30900", "30000-30001", "29000-31000"],
  ["masquerade out wan", "masquerade out e", "masquerade from 10.0.2.0/24 out wan"],
  ["cluster", "local"],
  ["n1", "n2", "n3", "n5", "w2", "nowhere"],
  ["allow", "deny"],
  ["attach a", "attach b", "attach nowhere"],
  ["10.0.0.11", "10.0.0.12", "10.0.0.1", "10.0.0.99", "10.0.1.12", "10.9.9.9", ""],
  ["10.244.1.0/24", "10.244.2.0/24", "10.244.9.0/24", "10.250.1.0/24"],
  ["10.0.0.0/24", "10.0.0.0/28", "10.0.4.0/24"],
  ["1400", "1500", "9000"],
];

const ALL_WORDS = WORDS.flat().filter((word) => word !== "");

/** Replaces a word by one of its alternatives. */
const replacement = fc
  .record({ word: fc.constantFrom(...ALL_WORDS), at: fc.nat(), by: fc.nat() })
  .map(({ word, at, by }) => (now: string): TextEdit | undefined => {
    const places = [...now.matchAll(new RegExp(`(?<![\\w.-])${word.replaceAll(".", "\\.")}(?![\\w.-])`, "g"))];
    const start = places[at % Math.max(1, places.length)]?.index;
    const others = WORDS.find((words) => words.includes(word)) ?? [];
    const made = others[by % others.length];
    return start === undefined || made === undefined ? undefined : { start, end: start + word.length, text: made };
  });

/** Changes a digit. */
const digit = fc.record({ at: fc.nat(), by: fc.nat(9) }).map(({ at, by }) => (now: string): TextEdit | undefined => {
  const places = [...now.matchAll(/(?<![a-z])\d/g)];
  const start = places[at % Math.max(1, places.length)]?.index;
  return start === undefined ? undefined : { start, end: start + 1, text: String(by) };
});

/** Removes, duplicates, or moves down a statement of one line, or adds one. */
const LINES = [
  "node x { attach a 10.0.0.77 }",
  "sysctl net.ipv4.ip_forward 0",
  "labels rack=z",
  "attach b",
  "mtu 1300",
];
const line = fc
  .record({ at: fc.nat(), kind: fc.constantFrom("less", "twice", "down", "new", "blank"), by: fc.nat() })
  .map(({ at, kind, by }) => (now: string): TextEdit => {
    const lines = now.split("\n");
    const index = at % lines.length;
    const start = lines.slice(0, index).join("\n").length + (index > 0 ? 1 : 0);
    const own = `${lines[index]}\n`;
    const end = Math.min(now.length, start + own.length);
    if (kind === "less") return { start, end, text: "" };
    if (kind === "blank") return { start, end: start, text: "\n" };
    if (kind === "twice") return { start, end: start, text: own };
    if (kind === "new") return { start, end: start, text: `${LINES[by % LINES.length]}\n` };
    const next = `${lines[index + 1] ?? ""}\n`;
    return { start, end: Math.min(now.length, end + next.length), text: next + own };
  });

export const edits = fc.array(
  fc.oneof({ weight: 4, arbitrary: replacement }, { weight: 2, arbitrary: digit }, { weight: 2, arbitrary: line }),
  { minLength: 1, maxLength: 8 },
);
