/** Ingress, Gateway, and HTTPRoute: which proxy serves them, and the backends of their hosts and paths. */
import type { Draft } from "../../declared/build.ts";
import { at, type Json, listAt, numberAt, type Path, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { annotationOf, type Evidence, resources, shown, textOf } from "./evidence.ts";
import { note, type Reading } from "./inference.ts";
import { annotationsOf, drafted, type KubeObject, labelsOf } from "./object.ts";

const GATEWAY_GROUP = "gateway.networking.k8s.io";

/** By object: statements of its namespace. */
export function ingressDrafts(reading: Reading): ReadonlyMap<KubeObject, readonly Draft[]> {
  const { dump } = reading;
  const ingresses = ["networking.k8s.io", "extensions"].flatMap((group) => resources(dump, "Ingress", group));
  const gateways = resources(dump, "Gateway", GATEWAY_GROUP).flatMap((object) => {
    const draft = gatewayDraft(reading, object);
    return draft ? [[object, draft] as const] : [];
  });
  const served = new Set(gateways.map(([object]) => pathOf(object)));
  return new Map<KubeObject, readonly Draft[]>([
    ...ingresses.map((object) => [object, ingressDraft(reading, object)] as const),
    ...gateways.map(([object, draft]) => [object, [draft]] as const),
    ...resources(dump, "HTTPRoute", GATEWAY_GROUP).map(
      (object) => [object, routeDraft(reading, object, served)] as const,
    ),
  ]);
}

function pathOf({ namespace, name }: KubeObject): string {
  return `${namespace ?? "default"}/${name}`;
}

/* ------------------------------------------------------------------ ingresses */

function ingressDraft(reading: Reading, object: KubeObject): readonly Draft[] {
  const proxy = ingressProxy(reading, object);
  if (!proxy) {
    const text = t`Ingress ${pathOf(object)} is omitted: no service of its controller was found`;
    note(reading, { object, path: ["spec"] }, text);
    return [];
  }
  const spec = at(object.value, "spec");
  const rules = listAt(spec, "rules").flatMap((rule, index): readonly Draft[] => {
    const base: Path = ["spec", "rules", index];
    const paths = listAt(rule, "http", "paths").flatMap((path, at) =>
      pathDraft(reading, object, path, [...base, "http", "paths", at]),
    );
    const host = textAt(rule, "host") ?? "";
    if (paths.length === 0) return [];
    if (host === "") return paths;
    return [drafted(object, base, { keyword: "host", args: { host }, children: paths }, { host: [...base, "host"] })];
  });
  const field = at(spec, "defaultBackend") === undefined ? "backend" : "defaultBackend";
  const other = backendText(reading, object, at(spec, field));
  return [
    drafted(
      object,
      [],
      {
        keyword: "ingress",
        args: { name: object.name },
        children: [
          servedBy(proxy),
          ...rules,
          ...(other === undefined
            ? []
            : [drafted(object, ["spec", field], { keyword: "default-backend", args: { backend: other } })]),
        ],
      },
      { name: ["metadata", "name"] },
    ),
  ];
}

function servedBy(proxy: Evidence<string>): Draft {
  return shown(proxy, "served-by", { service: proxy.value });
}

/** An absent pathType is a prefix, as nginx and Traefik treat ImplementationSpecific without regular expressions. */
function pathDraft(reading: Reading, object: KubeObject, value: Json, path: Path): readonly Draft[] {
  const backend = backendText(reading, object, at(value, "backend"));
  if (backend === undefined) {
    note(reading, { object, path }, t`Ingress ${pathOf(object)}: a path without a service as its backend is omitted`);
    return [];
  }
  const text = textAt(value, "path") ?? "/";
  if (annotationsOf(object).get("nginx.ingress.kubernetes.io/use-regex") === "true" || /[()*\\[\]|^$+?]/.test(text))
    note(reading, { object, path: [...path, "path"] }, t`path ${text} is a regular expression: it is read as a prefix`);
  return [
    drafted(
      object,
      path,
      {
        keyword: "path",
        args: { path: text, ...(textAt(value, "pathType") === "Exact" ? { exact: true } : {}), backend },
      },
      { path: [...path, "path"], backend: [...path, "backend"] },
    ),
  ];
}

/** `service.name` and `service.port`; before networking.k8s.io/v1, `serviceName` and `servicePort`. */
function backendText({ dump }: Reading, { namespace }: KubeObject, backend: Json | undefined): string | undefined {
  const name = textAt(backend, "service", "name") ?? textAt(backend, "serviceName");
  const old = textAt(backend, "servicePort");
  const number = textAt(backend, "service", "port", "number") ?? (/^\d+$/.test(old ?? "") ? old : undefined);
  const named = textAt(backend, "service", "port", "name") ?? (number === undefined ? old : undefined);
  if (name === undefined) return undefined;
  const service = dump.ofKind("Service").find((one) => one.name === name && one.namespace === namespace);
  const port = number ?? listAt(service?.value, "spec", "ports").find((one) => textAt(one, "name") === named);
  const found = typeof port === "string" ? port : textAt(port, "port");
  return found === undefined ? undefined : `${name}:${found}`;
}

/* ------------------------------------------------------------------ proxies */

/** The value of the label `app.kubernetes.io/name` or `app` of a controller's objects, by a part of its class. */
const CONTROLLERS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/nginx\.org/, ["nginx-ingress"]],
  [/nginx/, ["ingress-nginx", "nginx-ingress", "rke2-ingress-nginx"]],
  [/traefik/, ["traefik"]],
  [/haproxy/, ["haproxy-ingress", "kubernetes-ingress", "haproxy"]],
  [/contour/, ["contour", "envoy"]],
  [/kong/, ["kong"]],
  [/istio/, ["istio-ingressgateway"]],
];

/** The service of the controller: with the ingress's address, or with the labels of the controller of its class. */
function ingressProxy(reading: Reading, object: KubeObject): Evidence<string> | undefined {
  const { dump } = reading;
  const addresses = addressesOf(object, "loadBalancer", "ingress");
  const services = dump.ofKind("Service");
  const byAddress = services.find((one) =>
    addressesOf(one, "loadBalancer", "ingress").some((ip) => addresses.includes(ip)),
  );
  if (byAddress) return serviceEvidence(byAddress, ["status"]);
  const stated = textOf(object, "spec", "ingressClassName") ?? annotationOf(object, "kubernetes.io/ingress.class");
  const classes = resources(dump, "IngressClass", "networking.k8s.io");
  const usual = (one: KubeObject): boolean =>
    annotationsOf(one).get("ingressclass.kubernetes.io/is-default-class") === "true";
  const own = stated ? classes.find(({ name }) => name === stated.value) : classes.find(usual);
  const controller = (own && textAt(own.value, "spec", "controller")) ?? stated?.value ?? own?.name;
  const names = CONTROLLERS.find(([pattern]) => controller !== undefined && pattern.test(controller))?.[1] ?? [];
  const [best] = services.filter((one) => isController(one, names)).sort((a, b) => rank(a) - rank(b));
  return best && serviceEvidence(best, stated?.path ?? []);
}

function isController(service: KubeObject, names: readonly string[]): boolean {
  const labels = labelsOf(service);
  const isHelper = /admission|webhook|metrics|defaultbackend|default-backend/.test(service.name);
  return (
    !isHelper &&
    names.some((name) => [labels.get("app.kubernetes.io/name"), labels.get("app"), service.name].includes(name))
  );
}

/** Clients outside of the cluster use the load balancer, then the node port. */
function rank({ value }: KubeObject): number {
  const type = textAt(value, "spec", "type");
  return type === "LoadBalancer" ? 0 : type === "NodePort" ? 1 : 2;
}

function addressesOf({ value }: KubeObject, ...path: Path): readonly string[] {
  return listAt(value, "status", ...path).flatMap(
    (one) => textAt(one, "ip") ?? textAt(one, "hostname") ?? textAt(one, "value") ?? [],
  );
}

function serviceEvidence(service: KubeObject, path: Path): Evidence<string> {
  return { value: pathOf(service), object: service, path };
}

/* ------------------------------------------------------------------ Gateway API */

/** Labels that implementations set on the service that they create for a gateway: Istio, Envoy Gateway. */
const OWNERS = ["gateway.networking.k8s.io/gateway-name", "gateway.envoyproxy.io/owning-gateway-name"];

function gatewayDraft(reading: Reading, object: KubeObject): Draft | undefined {
  const addresses = addressesOf(object, "addresses");
  const services = reading.dump.ofKind("Service");
  const isOwned = (one: KubeObject): boolean =>
    OWNERS.some((label) => labelsOf(one).get(label) === object.name) ||
    (one.name === `cilium-gateway-${object.name}` && one.namespace === object.namespace);
  const proxy =
    services.find(isOwned) ??
    services.find((one) => addressesOf(one, "loadBalancer", "ingress").some((ip) => addresses.includes(ip)));
  if (!proxy) {
    note(
      reading,
      { object, path: ["spec"] },
      t`Gateway ${pathOf(object)} is omitted: no service of its proxy was found`,
    );
    return undefined;
  }
  return drafted(
    object,
    [],
    { keyword: "gateway", args: { name: object.name }, children: [servedBy(serviceEvidence(proxy, []))] },
    { name: ["metadata", "name"] },
  );
}

/** `served`: the gateways with a proxy. */
function routeDraft(reading: Reading, object: KubeObject, served: ReadonlySet<string>): readonly Draft[] {
  const parents = listAt(object.value, "spec", "parentRefs").flatMap((one, index) => {
    const isGateway = (textAt(one, "kind") ?? "Gateway") === "Gateway";
    const value = `${textAt(one, "namespace") ?? object.namespace ?? "default"}/${textAt(one, "name") ?? ""}`;
    return isGateway ? [{ value, object, path: ["spec", "parentRefs", index] }] : [];
  });
  const gateway = parents.find(({ value }) => served.has(value));
  if (!gateway) {
    const text = t`HTTPRoute ${pathOf(object)} is omitted: none of its gateways has a known proxy`;
    note(reading, { object, path: ["spec", "parentRefs"] }, text);
    return [];
  }
  if (parents.length > 1)
    note(reading, gateway, t`HTTPRoute ${pathOf(object)} attaches to several gateways: only ${gateway.value} is used`);
  const lines = listAt(object.value, "spec", "rules").flatMap((rule, index) =>
    routeLines(reading, object, rule, ["spec", "rules", index]),
  );
  const hosts = listAt(object.value, "spec", "hostnames").flatMap((one, index) =>
    typeof one === "string" ? [{ value: one, object, path: ["spec", "hostnames", index] }] : [],
  );
  const children =
    hosts.length === 0
      ? lines.map((line) => line())
      : hosts.map((host) =>
          shown(
            host,
            "host",
            { host: host.value },
            lines.map((line) => line()),
          ),
        );
  return [
    drafted(
      object,
      [],
      {
        keyword: "http-route",
        args: { name: object.name },
        children: [shown(gateway, "gateway", { gateway: gateway.value }), ...children],
      },
      { name: ["metadata", "name"] },
    ),
  ];
}

/** One line for each match and backend; a rule without matches has the prefix /. A declaration occurs only once. */
function routeLines(reading: Reading, object: KubeObject, rule: Json, path: Path): readonly (() => Draft)[] {
  const stated = listAt(rule, "matches");
  const matches = stated.length > 0 ? stated : [{}];
  return matches.flatMap((match, index): readonly (() => Draft)[] => {
    const place: Path = stated.length > 0 ? [...path, "matches", index] : path;
    const type = textAt(match, "path", "type") ?? "PathPrefix";
    const conditions = ["headers", "queryParams", "method"].filter((name) => at(match, name) !== undefined);
    const [condition] = type === "RegularExpression" ? ["path.type RegularExpression"] : conditions;
    if (condition !== undefined) {
      note(reading, { object, path: place }, t`HTTPRoute ${pathOf(object)}: a match by ${condition} is omitted`);
      return [];
    }
    const text = textAt(match, "path", "value") ?? "/";
    return listAt(rule, "backendRefs").flatMap((backend, at): readonly (() => Draft)[] => {
      const port = numberAt(backend, "port");
      const name = textAt(backend, "name");
      if (name === undefined || port === undefined || (textAt(backend, "kind") ?? "Service") !== "Service") return [];
      const namespace = textAt(backend, "namespace");
      const target = `${namespace === undefined ? "" : `${namespace}/`}${name}:${port}`;
      const args = {
        path: text,
        ...(type === "Exact" ? { exact: true as const } : {}),
        backend: target,
        weight: textAt(backend, "weight"),
      };
      const paths = { path: place, backend: [...path, "backendRefs", at] };
      return [() => drafted(object, place, { keyword: "path", args }, paths)];
    });
  });
}
