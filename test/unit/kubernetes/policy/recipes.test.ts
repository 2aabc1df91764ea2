/**
 * The recipes of ahmetb/kubernetes-network-policy-recipes, retyped: the policy of each page with the results of its
 * "Try it out" section, as packets through the data plane of each engine, also through services: a policy sees the pod's
 * port, not the service's.
 */
import { describe, expect, it } from "vitest";
import { check } from "../../checks/harness.ts";

interface Recipe {
  readonly page: string;
  /** Inside the cluster. */
  readonly cluster: string;
  readonly expect: readonly string[];
}

const web = `pod web { labels app=web; listen 80/tcp }
service web-service { select app=web; port 80; cluster-ip 10.96.0.50 }
pod client
pod labeled { labels type=monitoring }`;

const recipes: readonly Recipe[] = [
  {
    page: "01-deny-all-traffic-to-an-application",
    cluster: `${web}
policy web-deny-all { select app=web }`,
    expect: ["client -> web:80 blocked", "client -> 10.96.0.50:80 blocked", "web -> client reachable"],
  },
  {
    page: "02-limit-traffic-to-an-application",
    cluster: `pod apiserver { labels app=bookstore role=api; listen 80/tcp }
service api-service { select app=bookstore role=api; port 80; cluster-ip 10.96.0.50 }
pod test
pod frontend { labels app=bookstore role=frontend }
policy api-allow { select app=bookstore role=api; ingress from app=bookstore }`,
    expect: [
      "test -> apiserver:80 blocked",
      "frontend -> apiserver:80 reachable",
      "frontend -> 10.96.0.50:80 reachable",
    ],
  },
  {
    page: "02a-allow-all-traffic-to-an-application",
    cluster: `${web}
policy web-deny-all { select app=web }
policy web-allow-all { select app=web; ingress from any }`,
    expect: ["client -> web:80 reachable", "outside -> web:80 reachable"],
  },
  {
    page: "03-deny-all-non-whitelisted-traffic-in-the-namespace",
    cluster: `${web}
namespace other { pod test; pod server { listen 80/tcp } }
policy default-deny-all { types ingress }`,
    expect: ["client -> web:80 blocked", "other/test -> web:80 blocked", "web -> other/server:80 reachable"],
  },
  {
    page: "04-deny-traffic-from-other-namespaces",
    cluster: `${web}
namespace foo { pod test }
policy deny-from-other-namespaces { ingress from * }`,
    expect: ["foo/test -> web:80 blocked", "client -> web:80 reachable", "outside -> web:80 blocked"],
  },
  {
    page: "05-allow-traffic-from-all-namespaces",
    cluster: `${web}
namespace secondary { pod test }
policy web-allow-all-namespaces { select app=web; ingress from namespaces * }`,
    expect: ["secondary/test -> web:80 reachable", "client -> web:80 reachable", "outside -> web:80 blocked"],
  },
  {
    page: "06-allow-traffic-from-a-namespace",
    cluster: `${web}
namespace dev { labels purpose=testing; pod test }
namespace prod { labels purpose=production; pod test }
policy web-allow-prod { select app=web; ingress from namespaces purpose=production }`,
    expect: ["dev/test -> web:80 blocked", "c/prod/test -> web:80 reachable"],
  },
  {
    page: "07-allow-traffic-from-some-pods-in-another-namespace",
    cluster: `${web}
namespace other {
  labels team=operations
  pod plain
  pod monitor { labels type=monitoring }
}
policy web-allow-all-ns-monitoring { select app=web; ingress from type=monitoring namespaces team=operations }`,
    expect: [
      "client -> web:80 blocked",
      "labeled -> web:80 blocked",
      "other/plain -> web:80 blocked",
      "other/monitor -> web:80 reachable",
      "other/monitor -> 10.96.0.50:80 reachable",
    ],
  },
  {
    page: "07-allow-traffic-from-some-pods-in-another-namespace, the remark: OR",
    cluster: `${web}
namespace other {
  labels team=operations
  pod plain
}
policy either { select app=web; ingress { from namespaces team=operations; from type=monitoring } }`,
    expect: ["client -> web:80 blocked", "labeled -> web:80 reachable", "other/plain -> web:80 reachable"],
  },
  {
    page: "08-allow-external-traffic",
    cluster: `${web}
policy web-allow-external { select app=web; ingress from any }`,
    expect: ["outside -> web:80 reachable", "client -> web:80 reachable"],
  },
  {
    page: "09-allow-traffic-only-to-a-port",
    cluster: `pod apiserver { labels app=apiserver; listen 8000/tcp; listen 5000/tcp as api-port }
service api-service {
  select app=apiserver
  port 8001 -> 8000 name http
  port 5001 -> 5000 name metrics
  cluster-ip 10.96.0.50
}
pod test
pod monitor { labels role=monitoring }
policy api-allow-5000 { select app=apiserver; ingress from role=monitoring to 5000 }`,
    expect: [
      "test -> 10.96.0.50:8001 blocked",
      "test -> 10.96.0.50:5001 blocked",
      "monitor -> 10.96.0.50:8001 blocked",
      "monitor -> 10.96.0.50:5001 reachable",
    ],
  },
  {
    page: "09-allow-traffic-only-to-a-port, by its name",
    cluster: `pod apiserver { labels app=apiserver; listen 8000/tcp; listen 5000/tcp as api-port }
pod test
policy api-allow { select app=apiserver; ingress to api-port }`,
    expect: ["test -> apiserver:8000 blocked", "test -> apiserver:5000 reachable"],
  },
  {
    page: "10-allowing-traffic-with-multiple-selectors",
    cluster: `pod db { labels app=bookstore role=db; listen 6379/tcp }
service db-service { select app=bookstore role=db; port 6379; cluster-ip 10.96.0.50 }
pod catalog { labels app=inventory role=web }
pod search { labels app=bookstore role=search }
pod api { labels app=bookstore role=api }
pod other { labels app=other }
policy redis-allow-services {
  select app=bookstore role=db
  ingress {
    from app=bookstore role=search
    from app=bookstore role=api
    from app=inventory role=web
  }
}`,
    expect: [
      "catalog -> 10.96.0.50:6379 reachable",
      "search -> db:6379 reachable",
      "api -> db:6379 reachable",
      "other -> db:6379 blocked",
    ],
  },
  {
    page: "11-deny-egress-traffic-from-an-application",
    cluster: `${web}
pod foo { labels app=foo; listen 80/tcp }
policy foo-deny-egress { select app=foo; types egress }`,
    expect: ["foo -> web:80 blocked", "foo -> outside:443 blocked", "client -> foo:80 reachable"],
  },
  {
    page: "11-deny-egress-traffic-from-an-application, with DNS",
    cluster: `${web}
pod foo { labels app=foo }
namespace kube-system { pod dns { listen 53/udp 53/tcp } }
policy foo-deny-egress { select app=foo; types egress; egress port 53/udp 53/tcp }`,
    expect: ["foo -> web:80 blocked", "foo -> kube-system/dns:53/udp reachable", "foo -> outside:443 blocked"],
  },
  {
    page: "12-deny-all-non-whitelisted-traffic-from-the-namespace",
    cluster: `${web}
namespace other { pod server { listen 80/tcp }; pod test }
policy default-deny-all-egress { types egress }`,
    expect: ["client -> other/server:80 blocked", "client -> web:80 blocked", "other/test -> web:80 reachable"],
  },
  {
    page: "14-deny-external-egress-traffic",
    cluster: `${web}
pod foo { labels app=foo }
policy foo-deny-external-egress {
  select app=foo
  types egress
  egress port 53/udp 53/tcp
  egress to namespaces *
}`,
    expect: ["foo -> 10.96.0.50:80 reachable", "foo -> web:80 reachable", "foo -> outside:443 blocked"],
  },
];

const text = (
  cni: string,
  { cluster, expect: wanted }: Recipe,
): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router gw {
  attach lan 192.168.10.1
  route 10.244.0.0/24 via 192.168.10.11
  route 10.244.1.0/24 via 192.168.10.12
}
host outside { attach lan 192.168.10.200; listen 443/tcp }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  ${cni}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  ${cluster}
}
${wanted.map((one) => `expect ${one}`).join("\n")}
`;

describe.each([
  ["kube-router with flannel", "cni flannel { backend host-gw }\n  network-policy kube-router"],
  ["Canal", "cni flannel { backend host-gw }\n  network-policy calico"],
  ["kindnet", "cni kindnet"],
])("%s", (_, cni) => {
  it.each(recipes)("$page", (recipe) => {
    const failed = check(text(cni, recipe)).filter(
      ({ code, finding }) => finding.severity === "error" || code === "KN701",
    );
    expect(failed.map(({ finding }) => finding.message)).toEqual([]);
  });
});
