import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import { nearestFew } from "../../text/nearest.ts";
import { backendOf, entryOf } from "../../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Service } from "../../topology/model.ts";

const MOST_FIXES = 3;

const shop = (backend: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy iptables
  node n1 { attach lan 192.168.10.11 }
  namespace shop {
    deployment api replicas 2 {
      labels app=api
      listen 9090/tcp
    }
    deployment proxy replicas 2 {
      labels app=proxy
      listen 80/tcp
    }
    service api {
      select app=api
      port 80 -> 9090/tcp
    }
    service proxy {
      type node-port
      select app=proxy
      port 80
    }
    ingress shop {
      served-by proxy
      path "/" -> ${backend}
    }
  }
}
`;

export const ingressBackend: Check<"KN560"> = {
  code: "KN560",
  name: "ingress-backend",
  family: "services",
  severity: "error",
  summary: "An ingress or HTTP route has no usable backend, or no proxy serves it.",
  documentation: `## What happens

The proxy responds with 503 (some controllers: 404 or 500) if the backend service does not exist, does not have the port, or has no
endpoints. The port is the port of the *service*, not the port of the pods. If no service selects the proxy pods, clients cannot reach
the proxy.

## How to fix it

Set each backend to a service and one of its ports, for example \`path "/" -> api:80\`, and set \`served-by\` to the service of the
proxy pods.

## References

- kubernetes.io, *Ingress*, section *Ingress rules*
- kubernetes-sigs/gateway-api, \`apis/v1/httproute_types.go\`, \`HTTPRouteRule.BackendRefs\``,
  example: { bad: shop("api:9090"), good: shop("api:80") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const ingress of cluster.ingresses ?? []) {
        yield* unserved(cluster, ingress);
        for (const rule of ingress.rules) yield* withoutBackend(cluster, ingress, rule);
      }
    }
  },
};

function* unserved(cluster: Cluster, ingress: Ingress): Iterable<Finding> {
  if (entryOf(cluster, ingress)) return;
  const { servedBy, path, source } = ingress;
  const message = servedBy
    ? t`no proxy serves \`${path}\`: service \`${servedBy.text}\` does not exist; set \`served-by\` to the service of the proxy pods`
    : ingress.kind === "ingress"
      ? t`no proxy serves \`${path}\`: it has no \`served-by\`; add \`served-by\` with the service of the proxy pods`
      : t`no proxy serves \`${path}\`: its gateway does not exist or has no \`served-by\`; add \`served-by\` with the service of the proxy pods`;
  yield finding(ingressBackend, servedBy?.source ?? source, message, {
    fixes: servedBy
      ? nearServices(cluster, ingress, servedBy.text).map((one) =>
          replaceFix(t`Change to \`${one}\``, servedBy.source, one),
        )
      : [],
  });
}

function* withoutBackend(cluster: Cluster, ingress: Ingress, { backend }: IngressRule): Iterable<Finding> {
  const found = backendOf(cluster, ingress, backend);
  if (typeof found === "string") {
    const message = t`${found}, so the proxy cannot forward these requests`;
    yield finding(ingressBackend, backend.source, message, {
      fixes: backends(cluster, ingress, backend).map((one) =>
        replaceFix(t`Change backend to \`${one}\``, backend.source, one),
      ),
    });
    return;
  }
  const { service, port } = found;
  const has = ([4, 6] as const).some((of) => cluster.services.endpoints(service, port, of).length > 0);
  if (has || service.type === "external-name") return;
  const message = t`service \`${service.path}\` has no endpoints on port ${port.port}: the proxy responds with 503; add pods that its selector matches`;
  yield finding(ingressBackend, backend.source, message, {
    related: [{ source: service.source, message: t`service \`${service.path}\`` }],
  });
}

/** The ports of the named service; if it does not exist, the ports of services with similar names. */
function backends(cluster: Cluster, ingress: Ingress, { text }: IngressRule["backend"]): readonly string[] {
  const name = text.replace(/:\d*$/, "");
  const portsOf = (service: string): readonly string[] =>
    (named(cluster, ingress, service)?.ports ?? []).map(({ port }) => `${service}:${port}`);
  const own = portsOf(name);
  return (own.length > 0 ? own : nearServices(cluster, ingress, name).flatMap(portsOf)).slice(0, MOST_FIXES);
}

/** Services with similar names, in the same form: `namespace/name`, or the name alone in the namespace of the ingress. */
function nearServices({ services }: Cluster, { namespace }: Ingress, name: string): readonly string[] {
  const known = name.includes("/")
    ? services.all.map((one) => `${one.namespace}/${one.name}`)
    : services.all.filter((one) => one.namespace === namespace).map((one) => one.name);
  return nearestFew(name, known, MOST_FIXES);
}

function named({ services }: Cluster, { namespace }: Ingress, text: string): Service | undefined {
  const [name = "", where = namespace] = text.split("/").reverse();
  return services.byName(where, name);
}
