/** Layer 7: how a proxy in the cluster forwards requests by host and path. */
import type { ArgSpec, KeywordSpec } from "./types.ts";

const shop = (inside: string): string => `segment lan { cidr 192.168.10.0/24; gateway router }
router router { attach lan 192.168.10.1 }
host laptop { attach lan 192.168.10.50 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy iptables
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace edge {
    deployment proxy replicas 2 {
      labels app=proxy
      container nginx { listen 80/tcp }
    }
    service proxy {
      type node-port
      select app=proxy
      port 80 node-port 30080
    }
  }
  namespace shop {
    deployment api replicas 2 {
      labels app=api
      container api { listen 9090/tcp }
    }
    service api {
      select app=api
      port 80 -> 9090/tcp
    }
${inside}  }
}
expect laptop -> "http://shop.example.com/api" reachable
`;

const ingressExample = shop(`    ingress shop {
      served-by edge/proxy
      host "shop.example.com" {
        path "/api" -> api:80
      }
    }
`);

const gatewayExample = shop(`    gateway public {
      served-by edge/proxy
    }
    http-route api {
      gateway public
      host "*.example.com" {
        path "/api" -> api:80
      }
    }
`);

const backend: readonly ArgSpec[] = [
  {
    name: "backend",
    type: { kind: "endpoint", port: true },
    after: "->",
    summary: "Service in the namespace, with its port: api:80; in another namespace: shop/api:80",
  },
  {
    name: "weight",
    type: { kind: "number", min: 0, max: 1_000_000 },
    after: "weight",
    optional: true,
    summary: "Share of requests relative to the other lines of the same path",
    default: "1",
  },
];

export const ingress: readonly KeywordSpec[] = [
  {
    keyword: "ingress",
    in: ["namespace"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the ingress" }],
    defines: "ingress",
    block: "ingress",
    blockRequired: true,
    repeat: "many",
    summary: "Hosts and paths that a proxy forwards to services",
    documentation: `The controller's pods (nginx, Traefik, a cloud provider's proxy) accept the client's connection and open a second one,
usually directly to a pod of the service instead of its ClusterIP. The two connections have different addresses, are
subject to different policies, and can fail separately: the backend sees the proxy as the source, and the client only
in \`X-Forwarded-For\`. A URL can be the destination of a trace: \`"http://shop.example.com/api"\`.`,
    example: ingressExample,
  },
  {
    keyword: "gateway",
    in: ["namespace"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the gateway" }],
    defines: "gateway",
    block: "gateway",
    blockRequired: true,
    repeat: "many",
    summary: "A proxy that HTTP routes attach to (Gateway API)",
    documentation: `The Gateway API splits an \`ingress\` into two parts: the platform team owns the gateway and its address, service teams
own the routes.`,
    example: gatewayExample,
  },
  {
    keyword: "http-route",
    in: ["namespace"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the route" }],
    defines: "ingress",
    block: "http-route",
    blockRequired: true,
    repeat: "many",
    summary: "Hosts and paths that a gateway forwards to services (HTTPRoute)",
    documentation: `Several lines for one path split its requests by weight. A backend in another namespace requires a ReferenceGrant
there, which knet assumes.`,
    example: gatewayExample,
  },
  {
    keyword: "served-by",
    in: ["ingress", "gateway"],
    args: [{ name: "service", type: { kind: "ref", to: ["service"] }, summary: "Service of the proxy pods" }],
    repeat: "once",
    required: true,
    summary: "Service that clients use to reach the proxy",
    documentation: `Its type determines how: a load balancer IP, a node port, or, for clients inside the cluster, its ClusterIP. Its
endpoints are the proxy pods.`,
    example: ingressExample,
  },
  {
    keyword: "gateway",
    in: ["http-route"],
    args: [
      {
        name: "gateway",
        type: { kind: "ref", to: ["gateway"] },
        summary: "The gateway; in another namespace, its path",
      },
    ],
    repeat: "once",
    required: true,
    summary: "Gateway that the route attaches to",
    documentation: "A route whose gateway does not exist is not served.",
    example: gatewayExample,
  },
  {
    keyword: "host",
    in: ["ingress", "http-route"],
    args: [
      {
        name: "host",
        type: { kind: "string" },
        summary: "Host name in quotes; `*.example.com` matches one label",
      },
    ],
    block: "ingress host",
    blockRequired: true,
    repeat: "many",
    summary: "Rules for requests with this host",
    documentation: "An exact host takes precedence over a wildcard. Paths outside a `host` block apply to all hosts.",
    example: ingressExample,
  },
  {
    keyword: "path",
    in: ["ingress", "ingress host", "http-route"],
    args: [
      {
        name: "path",
        type: { kind: "string" },
        summary: "Path prefix, by whole elements: /api matches /api/v1 but not /apis",
      },
      { name: "exact", flag: true, summary: "Exact path instead of a prefix" },
      ...backend,
    ],
    repeat: "many",
    summary: "Backend for requests with this path",
    documentation: "An exact path takes precedence over prefixes; among prefixes, the longest match is used.",
    example: ingressExample,
  },
  {
    keyword: "default-backend",
    in: ["ingress"],
    args: backend.slice(0, 1),
    repeat: "once",
    summary: "Default backend for requests that match no rule",
    documentation: "Without it, the proxy responds with 404 to such requests.",
    example: shop(`    ingress shop {
      served-by edge/proxy
      default-backend -> api:80
    }
`),
  },
];
