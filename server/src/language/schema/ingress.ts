/** Layer 7: what a proxy in the cluster does with a request's host and path. */
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
    summary: "Service of the namespace with its port: api:80; of another one: shop/api:80",
  },
  {
    name: "weight",
    type: { kind: "number", min: 0, max: 1_000_000 },
    after: "weight",
    optional: true,
    summary: "Share of the requests, beside the other lines of the same path",
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
    summary: "Hosts and paths that a proxy sends on to services",
    documentation: `The controller's pods (nginx, Traefik, a cloud's proxy) take the client's connection and open another one, mostly straight to a pod behind
the service and not to its ClusterIP. So there are two connections, each with its own addresses, policies and failures; the backend sees the
proxy, and the client only in \`X-Forwarded-For\`. A URL can stand where a packet goes to: \`"http://shop.example.com/api"\`.`,
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
    summary: "A proxy to which HTTP routes attach themselves (Gateway API)",
    documentation:
      "What an `ingress` says in one place the Gateway API says in two: the gateway and its address belong to the platform, the routes to those who run the services.",
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
    summary: "Hosts and paths that a gateway sends on to services (HTTPRoute)",
    documentation: `Several lines for one path share its requests by weight. A backend in another namespace needs a ReferenceGrant there, which knet takes for granted.`,
    example: gatewayExample,
  },
  {
    keyword: "served-by",
    in: ["ingress", "gateway"],
    args: [{ name: "service", type: { kind: "ref", to: ["service"] }, summary: "The service of the proxy's pods" }],
    repeat: "once",
    required: true,
    summary: "The service by which clients reach the proxy",
    documentation:
      "Its type says how: a load balancer's address, a node port, or its ClusterIP for clients inside the cluster. Its endpoints are the proxy's pods.",
    example: ingressExample,
  },
  {
    keyword: "gateway",
    in: ["http-route"],
    args: [
      {
        name: "gateway",
        type: { kind: "ref", to: ["gateway"] },
        summary: "The gateway; of another namespace with its path",
      },
    ],
    repeat: "once",
    required: true,
    summary: "The gateway to which the route belongs",
    documentation: "A route whose gateway does not exist serves nobody.",
    example: gatewayExample,
  },
  {
    keyword: "host",
    in: ["ingress", "http-route"],
    args: [
      {
        name: "host",
        type: { kind: "string" },
        summary: "Host name in quotes; `*.example.com` for all one label below",
      },
    ],
    block: "ingress host",
    blockRequired: true,
    repeat: "many",
    summary: "Requests for this host",
    documentation: "A full name goes before one with a star. Paths that stand outside any host are for all hosts.",
    example: ingressExample,
  },
  {
    keyword: "path",
    in: ["ingress", "ingress host", "http-route"],
    args: [
      {
        name: "path",
        type: { kind: "string" },
        summary: "Beginning of the path, by whole elements: /api fits /api/v1 and not /apis",
      },
      { name: "exact", flag: true, summary: "The whole path, not its beginning" },
      ...backend,
    ],
    repeat: "many",
    summary: "Where requests for this path go",
    documentation: "An exact path goes before a prefix, and of several prefixes the longest one counts.",
    example: ingressExample,
  },
  {
    keyword: "default-backend",
    in: ["ingress"],
    args: backend.slice(0, 1),
    repeat: "once",
    summary: "Where requests go that fit no rule",
    documentation: "Without one the proxy answers 404 to such requests.",
    example: shop(`    ingress shop {
      served-by edge/proxy
      default-backend -> api:80
    }
`),
  },
];
