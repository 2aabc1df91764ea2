/**
 * Edits inside nodes. Only edits that affect no other object reuse the previous build; after any edit, the service must
 * return the same results as a new service for the same text.
 */
import { describe, it } from "vitest";
import { type Elsewhere, editIn, expectAsNew } from "./edited.ts";

/** Two racks and a router; nodes with explicit values and, at the end, some with allocated values. */
function cluster(cni: string, more: string): string {
  const nodes = [1, 2, 3].map((n) => {
    const rack = n % 2 === 0 ? "b" : "a";
    return `  node n${n} {
    attach ${rack} 10.0.${rack === "a" ? 0 : 1}.1${n}
    pod-cidr 10.244.${n}.0/24
    labels rack=${rack}
  }
`;
  });
  return `segment a { cidr 10.0.0.0/24 }
segment b { cidr 10.0.1.0/24 }
router r { attach a 10.0.0.1; attach b 10.0.1.1 }
host h { attach a 10.0.0.99 }
cluster c {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni ${cni}
${nodes.join("")}${more}  deployment web replicas 9 { listen 80; labels app=web }
  service web { select app=web; port 80 }
}
expect c/default/web-0 -> c/default/web-1:80 reachable
`;
}

const files = {
  vxlan: cluster("flannel { backend vxlan }", ""),
  "host-gw": cluster("flannel { backend host-gw }", "  node n7 { attach a }\n"),
  DirectRouting: cluster("flannel { backend vxlan { DirectRouting on } }", "  nodes w 1..3 { attach b }\n"),
  bridge: cluster("bridge", "  node n7 { attach b 10.0.1.30 }\n"),
  docker: cluster("docker", ""),
  calico: cluster("calico", ""),
  macvlan: cluster("macvlan { master eth0 }", ""),
  none: cluster("none", ""),
};

/** Replacements inside n1. */
const changes: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /attach [^\n]*/,
    [
      "attach a 10.0.0.50",
      "attach b 10.0.1.50",
      "attach a 10.0.0.1",
      "attach a 10.0.0.13",
      "attach a 10.0.0.99",
      "attach a",
      "attach a 10.9.0.5",
      "attach nowhere 10.0.0.7",
      "attach a 10.0.0.2/25",
      "attach a 10.0.0.130/25",
      "attach a 10.0.0.2 mtu 1400",
      "attach a 10.0.0.",
      "attach a 10.0.0.7; attach b 10.0.1.7",
      "",
    ],
  ],
  [
    /pod-cidr[^\n]*/,
    ["pod-cidr 10.244.9.0/24", "pod-cidr 10.244.0.0/24", "pod-cidr 10.244.3.0/24", "pod-cidr 10.250.1.0/24", ""],
  ],
  [
    /labels[^\n]*/,
    [
      "labels x=y",
      "\n    labels rack=a",
      "labels ",
      "sysctl net.ipv4.ip_forward 0",
      "deny from 10.0.1.0/24",
      "route 10.66.0.0/16 via 10.0.0.1",
      "route 10.66.0.0/16 via 10.77.0.1",
      "docker-bridge 172.17.0.1/16",
      "daemon d { listen 9 }",
      "cni bridge",
      "listen 80",
    ],
  ],
  [/node n1/, ["node n9", "node n3", "nodes n 1..2", "node"]],
];

const elsewhere: Elsewhere = [
  ["node n2 {", /labels/, "labels more=1"],
  ["node n2 {", /12\b/, "44"],
];

describe.each(Object.entries(files))("in %s an edit inside a node", (_, file) => {
  it.each(changes.flatMap(([pattern, texts]) => texts.map((text) => ({ pattern, text }))))(
    "has the same results as a new service: $text",
    ({ pattern, text }) => expectAsNew(file, editIn(file, "node n1 {", pattern, text), elsewhere),
  );
});
