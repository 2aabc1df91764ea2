/** Services and their explicit endpoints. */

import type { Draft } from "../../declared/build.ts";
import { at, type Json, listAt, numberAt, textAt, textsAt } from "../../text/json.ts";
import { entryOf } from "../../text/table.ts";
import { entriesOf, type Hints, type Observed, usable } from "./endpoints.ts";
import { drafted, type KubeObject, labelsOf } from "./object.ts";
import { labelTerms } from "./selector.ts";

const TYPES: Readonly<Record<string, string>> = {
  ClusterIP: "cluster-ip",
  NodePort: "node-port",
  LoadBalancer: "load-balancer",
  ExternalName: "external-name",
};

/** k8s.io/api/core/v1, ServiceTrafficDistribution: PreferClose is the older name of PreferSameZone. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  PreferClose: "prefer-same-zone",
  PreferSameZone: "prefer-same-zone",
  PreferSameNode: "prefer-same-node",
};

/** `endpoints`: the Endpoints and EndpointSlices of the service; with a selector, only what differs from its pods is `observed`. */
export function serviceDraft(object: KubeObject, endpoints: readonly KubeObject[], observed: Observed): Draft {
  const spec = at(object.value, "spec");
  const type = textAt(spec, "type") ?? "ClusterIP";
  const ips = listAt(spec, "clusterIPs").flatMap((one) => (typeof one === "string" ? one : []));
  const first = textAt(spec, "clusterIP");
  const addresses = (ips.length > 0 ? ips : first === undefined || first === "" ? [] : [first]).filter(
    (one) => one !== "None",
  );
  const isHeadless = first === "None" || ips[0] === "None";
  const selector = textsAt(spec, "selector");
  const children: Draft[] = [];
  const add = (draft: Draft | undefined): void => {
    if (draft) children.push(draft);
  };
  const keyword = isHeadless ? "headless" : entryOf(TYPES, type);
  if (keyword !== undefined && keyword !== "cluster-ip")
    add(drafted(object, ["spec", isHeadless ? "clusterIP" : "type"], { keyword: "type", args: { type: keyword } }));
  if (selector.size > 0)
    add(drafted(object, ["spec", "selector"], { keyword: "select", args: { labels: labelTerms(selector) } }));
  if (type === "ExternalName") {
    const name = textAt(spec, "externalName");
    if (name !== undefined)
      add(drafted(object, ["spec", "externalName"], { keyword: "external-name", args: { name } }));
  }
  for (const [index, port] of listAt(spec, "ports").entries()) add(portDraft(object, port, index, type));
  if (addresses.length > 0)
    add(
      drafted(
        object,
        ["spec", "clusterIP"],
        { keyword: "cluster-ip", args: { addresses } },
        { addresses: ["spec", "clusterIPs"] },
      ),
    );
  for (const one of settings(object, observed.hints.get(object))) add(one);
  const additional = observed.additional.get(object) ?? [];
  const isShown = (one: KubeObject, ip: string): boolean =>
    selector.size === 0 || additional.some(({ object: list, addresses: own }) => list === one && own.has(ip));
  if (type !== "ExternalName") for (const one of endpointDrafts(endpoints, listAt(spec, "ports"), isShown)) add(one);
  return drafted(
    object,
    [],
    { keyword: "service", args: { name: object.name }, children },
    { name: ["metadata", "name"] },
  );
}

function portDraft(object: KubeObject, port: Json, index: number, type: string): Draft | undefined {
  const number = numberAt(port, "port");
  if (number === undefined) return undefined;
  const path = ["spec", "ports", index];
  const protocol = (textAt(port, "protocol") ?? "TCP").toLowerCase();
  const target = at(port, "targetPort");
  // 0 and "" are the service's own port (SetDefaults_Service).
  const isOwn = target === undefined || target === null || target === 0 || target === "" || target === number;
  const nodePort = numberAt(port, "nodePort");
  const hasNodePort = nodePort !== undefined && nodePort !== 0 && (type === "NodePort" || type === "LoadBalancer");
  return drafted(
    object,
    path,
    {
      keyword: "port",
      args: {
        port: `${number}/${protocol}`,
        target: isOwn ? undefined : typeof target === "number" ? `${target}/${protocol}` : String(target),
        name: textAt(port, "name"),
        "node-port": hasNodePort ? String(nodePort) : undefined,
      },
    },
    {
      port: [...path, "port"],
      target: [...path, "targetPort"],
      name: [...path, "name"],
      "node-port": [...path, "nodePort"],
    },
  );
}

/** Settings with one value whose default is different from the API's default only if the field is set. */
function settings(object: KubeObject, hints: Hints | undefined): readonly Draft[] {
  const spec = at(object.value, "spec");
  const drafts: Draft[] = [];
  const set = (keyword: string, field: string, args: Draft["args"]): void => {
    drafts.push(drafted(object, ["spec", field], args === undefined ? { keyword } : { keyword, args }));
  };
  const external = listAt(spec, "externalIPs").flatMap((one) => (typeof one === "string" ? one : []));
  if (external.length > 0) set("external-ip", "externalIPs", { addresses: external });
  // With `ipMode: Proxy`, kube-proxy does not redirect packets to the address: the load balancer receives them.
  const ingress = listAt(object.value, "status", "loadBalancer", "ingress").flatMap((one) =>
    textAt(one, "ipMode") === "Proxy" ? [] : (textAt(one, "ip") ?? []),
  );
  const wanted = textAt(spec, "loadBalancerIP");
  const balancer = ingress.length > 0 ? ingress : wanted === undefined ? [] : [wanted];
  if (balancer.length > 0 && textAt(spec, "type") === "LoadBalancer")
    set("load-balancer-ip", "loadBalancerIP", { addresses: balancer });
  const ranges = listAt(spec, "loadBalancerSourceRanges").flatMap((one) => (typeof one === "string" ? one.trim() : []));
  if (ranges.length > 0) set("load-balancer-source-ranges", "loadBalancerSourceRanges", { prefixes: ranges });
  if (textAt(spec, "externalTrafficPolicy") === "Local")
    set("external-traffic-policy", "externalTrafficPolicy", { policy: "local" });
  if (textAt(spec, "internalTrafficPolicy") === "Local")
    set("internal-traffic-policy", "internalTrafficPolicy", { policy: "local" });
  if (textAt(spec, "sessionAffinity") === "ClientIP") {
    const timeout = numberAt(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds");
    set("session-affinity", "sessionAffinity", {
      affinity: "client-ip",
      timeout: timeout === undefined ? undefined : String(timeout),
    });
  }
  // Hints without the field are from the annotation `service.kubernetes.io/topology-mode`.
  const distribution = entryOf(DISTRIBUTIONS, textAt(spec, "trafficDistribution") ?? "") ?? hints;
  if (distribution !== undefined) set("traffic-distribution", "trafficDistribution", { preference: distribution });
  if (at(spec, "publishNotReadyAddresses") === true) set("publish-not-ready", "publishNotReadyAddresses", undefined);
  const health = numberAt(spec, "healthCheckNodePort");
  if (health !== undefined && health !== 0)
    set("health-check-node-port", "healthCheckNodePort", { port: String(health) });
  return drafts;
}

/** The name of the service that an EndpointSlice or Endpoints object belongs to. */
export function serviceOf(object: KubeObject): string | undefined {
  return object.kind === "Endpoints" ? object.name : labelsOf(object).get("kubernetes.io/service-name");
}

/** The slices of a service can repeat an endpoint. */
function endpointDrafts(
  endpoints: readonly KubeObject[],
  servicePorts: readonly Json[],
  isShown: (object: KubeObject, ip: string) => boolean,
): readonly Draft[] {
  const seen = new Set<string>();
  return endpoints.flatMap((object) => {
    const fresh = addressesOf(object, servicePorts, isShown).filter((one) => !seen.has(one));
    for (const one of fresh) seen.add(one);
    return fresh.length === 0 ? [] : [drafted(object, [], { keyword: "endpoint", args: { addresses: fresh } })];
  });
}

function addressesOf(
  object: KubeObject,
  servicePorts: readonly Json[],
  isShown: (object: KubeObject, ip: string) => boolean,
): readonly string[] {
  if (textAt(object.value, "addressType") === "FQDN") return [];
  const isEndpoints = object.kind === "Endpoints";
  const ports = isEndpoints ? listAt(object.value, "subsets", 0, "ports") : listAt(object.value, "ports");
  const port = hasOwnPorts(ports, servicePorts)
    ? undefined
    : (numberAt(ports[0], "port") ?? numberAt(servicePorts[0], "port"));
  return usable(entriesOf(object)).flatMap(({ ip }) => {
    if (!isShown(object, ip)) return [];
    return [port === undefined ? ip : ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`];
  });
}

/** Whether each of several ports is the target of the service port with its name: the endpoint is an address without a port. */
function hasOwnPorts(ports: readonly Json[], servicePorts: readonly Json[]): boolean {
  if (servicePorts.length < 2 || ports.length !== servicePorts.length) return false;
  return servicePorts.every((service) => {
    const own = ports.find((one) => textAt(one, "name") === textAt(service, "name"));
    const target = at(service, "targetPort");
    const wanted = typeof target === "number" && target !== 0 ? target : numberAt(service, "port");
    return own !== undefined && numberAt(own, "port") === wanted;
  });
}
