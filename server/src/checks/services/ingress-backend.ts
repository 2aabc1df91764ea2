import { nearestFew } from "../../language/nearest.ts";
import { backendOf, entryOf } from "../../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Service } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";

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

export const ingressBackend: Check = {
  code: "KN560",
  name: "ingress-backend",
  family: "services",
  severity: "error",
  summary: "An ingress or HTTP route sends requests to a service that is not there, or is served by nobody.",
  documentation: `The proxy answers 503 (or 404, or 500, as the controller has it) where the backend's service does not exist, has no such port or no endpoints. The
port is the *service's* port, not the pods'. Without a service that leads to the proxy's pods no client gets there.`,
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
  const what = servedBy ? `there is no service ${servedBy.text}` : "it names none, or its gateway is not there";
  const message = `nobody serves ${path}: ${what}; name the service of the proxy's pods with served-by`;
  yield finding(ingressBackend, servedBy?.source ?? source, message, {
    fixes: servedBy
      ? nearServices(cluster, ingress, servedBy.text).map((one) => replaceFix(`Use ${one}`, servedBy.source, one))
      : [],
  });
}

function* withoutBackend(cluster: Cluster, ingress: Ingress, { backend }: IngressRule): Iterable<Finding> {
  const found = backendOf(cluster, ingress, backend);
  if (typeof found === "string") {
    const message = `${found}, so that the proxy has nowhere to send these requests; name a service and its port`;
    yield finding(ingressBackend, backend.source, message, {
      fixes: backends(cluster, ingress, backend).map((one) => replaceFix(`Send them to ${one}`, backend.source, one)),
    });
    return;
  }
  const { service, port } = found;
  const has = ([4, 6] as const).some((of) => cluster.services.endpoints(service, port, of).length > 0);
  if (has || service.type === "external-name") return;
  const message = `service ${service.path} has no endpoints on port ${port.port}, so that the proxy answers 503; give it pods that its selector takes`;
  yield finding(ingressBackend, backend.source, message, {
    related: [{ source: service.source, message: `service ${service.path}` }],
  });
}

/** The service's own ports; those of the nearest services where there is none of that name. */
function backends(cluster: Cluster, ingress: Ingress, { text }: IngressRule["backend"]): readonly string[] {
  const name = text.replace(/:\d*$/, "");
  const portsOf = (service: string): readonly string[] =>
    (named(cluster, ingress, service)?.ports ?? []).map(({ port }) => `${service}:${port}`);
  const own = portsOf(name);
  return (own.length > 0 ? own : nearServices(cluster, ingress, name).flatMap(portsOf)).slice(0, MOST_FIXES);
}

/** Services with names like this one, written as it is: with their namespace, or those of the ingress' own without. */
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
