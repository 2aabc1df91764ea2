import { describe, expect, it } from "vitest";
import { resolveEndpoint } from "../../../server/src/topology/names.ts";
import { topologyOf } from "./print.ts";

const topology = topologyOf(`
segment lan { cidr 10.0.0.0/24 }
segment office { cidr 10.1.0.0/24 }
router tor { attach lan; attach office }
host laptop { attach office; daemon sshd { listen 22 } }
cluster k1 {
  pods 10.244.0.0/16
  nodes n 1..2 { attach lan; daemon d1 { listen 8000 } }
  pod p1 on n1 { container c1.1 { listen 80 }; container c1.2 { listen 81 } }
  pod api-1
  // Takes precedence over pods and nodes of its name, but not over the full path of a router.
  service tor { select app=tor; port 80 }
  namespace shop {
    pod web { container web { listen 80 } }
    deployment api replicas 12 { container api { listen 9090 } }
    daemonset logs
  }
  namespace test { pod web; deployment empty replicas 0 }
}
cluster k2 {
  pods 10.245.0.0/16
  node m1 { attach lan }
  node p1 { attach lan }
  pod n1
}
`);

function resolved(text: string): string {
  const found = resolveEndpoint(topology, text);
  return found.ok
    ? `${found.endpoint.kind} ${found.endpoint.path}`
    : `${found.error}: ${found.candidates.join(", ") || "-"}`;
}

describe("a path", () => {
  it.each([
    ["tor", "router tor"],
    ["laptop", "host laptop"],
    ["laptop/sshd", "daemon laptop/sshd"],
    ["sshd", "daemon laptop/sshd"],
    ["office", "segment office"],
    ["10.0.0.7", "address 10.0.0.7"],
    ["fd00::1", "address fd00::1"],
    ["k1/n1", "node k1/n1"],
    ["n2", "node k1/n2"],
    ["n1/d1", "daemon k1/n1/d1"],
    ["k1/n1/d1", "daemon k1/n1/d1"],
    ["d1", "ambiguous: k1/n1/d1, k1/n2/d1"],
    // A node's full path takes precedence over a pod's abbreviated path.
    ["k2/p1", "node k2/p1"],
    ["p1", "ambiguous: k1/default/p1, k2/p1"],
    ["k1/p1", "pod k1/default/p1"],
    ["default/p1", "pod k1/default/p1"],
    ["k1/default/p1", "pod k1/default/p1"],
    ["p1/c1.1", "container k1/default/p1/c1.1"],
    ["k1/p1/c1.1", "container k1/default/p1/c1.1"],
    ["k1/default/p1/c1.1", "container k1/default/p1/c1.1"],
    ["c1.2", "container k1/default/p1/c1.2"],
    ["n1", "ambiguous: k1/n1, k2/default/n1"],
    ["shop/web", "pod k1/shop/web"],
    ["k1/shop/web", "pod k1/shop/web"],
    ["web", "ambiguous: k1/shop/web, k1/test/web"],
    ["shop/web/web", "container k1/shop/web/web"],
    // A deployment refers to its first pod; a pod with exactly this name takes precedence over a replica.
    ["shop/api", "pod k1/shop/api-0"],
    ["api", "pod k1/shop/api-0"],
    ["api-11", "pod k1/shop/api-11"],
    ["api-12", "unknown: k1/default/api-1"],
    ["api-01", "unknown: k1/default/api-1"],
    ["shop/api-1", "pod k1/shop/api-1"],
    ["api-1", "ambiguous: k1/default/api-1, k1/shop/api-1"],
    ["api-3/api", "container k1/shop/api-3/api"],
    ["shop/api-3/api", "container k1/shop/api-3/api"],
    ["logs-n2", "pod k1/shop/logs-n2"],
    ["shop/logs", "pod k1/shop/logs-n1"],
    ["empty", "unknown: k1/test/empty"],
    ["shop/wbe", "unknown: k1/shop/web, k1/test/web"],
    ["shpo/web", "unknown: k1/shop/web, k1/test/web"],
    ["laptpo", "unknown: laptop"],
    ["", "unknown: -"],
    ["/", "unknown: -"],
    ["a/b/c/d/e", "unknown: -"],
  ])("%s is %s", (text, expected) => {
    expect(resolved(text)).toBe(expected);
  });
});

it("a name in many namespaces is found in each namespace", () => {
  const namespaces = Array.from({ length: 30 }, (_, i) => `namespace s${i} { pod web }`).join("\n");
  const many = topologyOf(`segment lan { cidr 10.0.0.0/24 }
cluster k { pods 10.244.0.0/16
node n1 { attach lan }
${namespaces} }`);
  for (let i = 0; i < 30; i += 1) expect(resolveEndpoint(many, `s${i}/web`).ok).toBe(true);
});
