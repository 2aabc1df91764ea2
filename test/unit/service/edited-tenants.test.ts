/** Edits inside namespaces: the reused state of other namespaces, services, and policies equals newly computed state. */
import { describe, it } from "vitest";
import { type Elsewhere, editIn, expectAsNew } from "./edited.ts";

function cluster(kubeProxy: string): string {
  const space = (name: string): string => `  namespace ${name} {
    labels team=${name}
    deployment api replicas 3 { labels app=api; container c { listen 8080/tcp as http } }
    deployment web replicas 2 { labels app=web; container c { listen 80/tcp } }
    service api { select app=api; port 80 -> 8080 }
    service web { type node-port; select app=web; port 80 }
    policy guard {
      select app=api
      ingress from app=web to 8080/tcp
    }
  }
`;
  return `segment lan { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster c {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/24
  cni calico
  kube-proxy ${kubeProxy}
  node n1 { attach lan 10.0.0.11 }
  node n2 { attach lan 10.0.0.12 }
${["shop", "bank", "zoo"].map(space).join("")}}
expect c/shop/web-0 -> api.shop:80 reachable
expect c/shop/api-0 -> 203.0.113.9:80 reachable
`;
}

/** Replacements inside namespace shop. */
const changes: readonly (readonly [RegExp, readonly string[]])[] = [
  [/labels app=api/, ["labels app=apii", "labels app=web", "labels x=y", ""]],
  [/select app=api/, ["select app=none", "select app=web", "select team=shop", ""]],
  [
    /port 80 -> 8080/,
    ["port 80 -> http", "port 80 -> 9", "port 81 -> 8080", "port 80", "cluster-ip 10.96.0.5; port 80 -> 8080"],
  ],
  [/type node-port; /, ["type node-port; node-port 30007; ", "", "type headless; ", "type load-balancer; "]],
  [/select app=web; port 80/, ["select app=web; external-ip 203.0.113.9; port 80"]],
  [/service api/, ["service apis", "service web", "service"]],
  [/deployment api/, ["deployment web", "statefulset api", "deployment apis"]],
  [/replicas 3/, ["replicas 0", "replicas 30", ""]],
  [/ingress from app=web to 8080\/tcp/, ["ingress from app=no", "ingress from cidr 10.0.0.0/8", ""]],
  [/policy guard/, ["policy other", "policy"]],
  [/namespace shop/, ["namespace bank", "namespace shops", "namespace"]],
  [/labels team=shop/, ["labels team=bank", "\n"]],
];

const elsewhere: Elsewhere = [
  ["namespace zoo {", /app=api;/, "app=api zone=b;"],
  ["namespace zoo {", /-> 8080/, "-> 8081"],
  ["namespace zoo {", /select/, "\n      select"],
];

describe.each(["iptables", "ipvs", "nftables"])("with %s an edit inside a namespace", (mode) => {
  const file = cluster(mode);
  it.each(changes.flatMap(([pattern, texts]) => texts.map((text) => ({ pattern, text }))))(
    "has the same results as a new service: $pattern $text",
    ({ pattern, text }) => expectAsNew(file, editIn(file, "namespace shop {", pattern, text), elsewhere),
  );
});
