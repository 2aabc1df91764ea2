/** Hovers of names that the file does not declare (cluster DNS names, URLs), and of ingresses and gateways. */

import { list, number, plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import { dnsNames, resolverOf } from "../../../topology/dns.ts";
import { backendOf, entryOf, readUrl, type Url } from "../../../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Pod, Service } from "../../../topology/model.ts";
import { endpointText } from "../../../topology/service-endpoints.ts";
import { answersOf } from "../../../trace/lookup.ts";
import { proxiedBy } from "../../../trace/proxied.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import type { Place } from "../place.ts";
import { handlesAround } from "../stations.ts";
import { serviceText } from "./services.ts";

const MOST_ENDPOINTS = 4;
const MOST_RULES = 12;

/** Hover of an endpoint that is neither a path nor an address; empty if the name is unknown. */
export function foreignName(analysis: Analysis, text: string, path: string): string {
  const url = readUrl(text);
  return url ? urlText(analysis, url) : dnsText(analysis, path);
}

function dnsText({ topology }: Analysis, path: string): string {
  if (path.includes("/") || !path.includes(".")) return "";
  return paragraphs(
    ...dnsNames(topology.clusters, path).map((found) => {
      const { cluster, name } = found;
      const server = resolverOf(cluster, undefined);
      const addresses = answersOf(found).join(", ") || t`nothing`;
      return paragraphs(
        server
          ? t`DNS name ${code(name)} of cluster ${code(cluster.name)} · resolves to ${addresses} through DNS service ${code(server)}`
          : t`DNS name ${code(name)} of cluster ${code(cluster.name)} · resolves to ${addresses}; no DNS service is declared`,
        found.kind === "pod" ? podText(found.pod) : serviceText(cluster, found.service),
      );
    }),
  );
}

function podText({ path, node }: Pod): string {
  return node ? t`pod ${code(path)} on node ${code(node.name)}` : t`pod ${code(path)}`;
}

function urlText({ topology }: Analysis, url: Url): string {
  const shown = `${url.secure ? "https" : "http"}://${url.host}${url.path}`;
  const found = proxiedBy(topology, url);
  if (typeof found === "string") return `${code(shown)} · ${found}`;
  const { cluster, ingress, entry, backends } = found;
  return paragraphs(
    `${code(shown)} · ${kindOf(ingress)} ${code(ingress.path)}`,
    entryText(cluster, entry),
    bullets(
      backends.map(({ path, targets, share }) => {
        const endpoints = plural(targets.length, "endpoint");
        return backends.length > 1
          ? t`forwarded directly to ${endpoints} of service ${code(path)} (${Math.round(share * 100)}% of requests)`
          : t`forwarded directly to ${endpoints} of service ${code(path)}`;
      }),
    ),
  );
}

/* ---------------------------------------------------------------- ingresses */

export function ingressText(cluster: Cluster, ingress: Ingress): string {
  return paragraphs(titleOf(ingress), servedText(cluster, ingress), ruleLines(cluster, ingress));
}

function titleOf(ingress: Ingress): string {
  return `**${kindOf(ingress)}** ${code(ingress.path)} · ${plural(ingress.rules.length, "rule")}`;
}

function ruleLines(cluster: Cluster, ingress: Ingress): string {
  const { rules } = ingress;
  return bullets([
    ...rules.slice(0, MOST_RULES).map((rule) => ruleLine(cluster, ingress, rule)),
    rules.length > MOST_RULES ? t`and ${number(rules.length - MOST_RULES)} more` : undefined,
  ]);
}

/** Hover of a gateway with its attached routes. */
export function gatewayText(cluster: Cluster, path: string, routes: readonly Ingress[]): string {
  const [first] = routes;
  return paragraphs(
    `**gateway** ${code(path)} · ${plural(routes.length, "route")}`,
    first ? servedText(cluster, first) : t`No HTTP route is attached: responds with 404 to every request.`,
    ...routes.map((route) => paragraphs(titleOf(route), ruleLines(cluster, route))),
  );
}

/** Hover of a line inside an ingress or a route: the backends of its requests. */
export function rulesText({ topology }: Analysis, place: Place, keyword: string): string {
  if (keyword !== "path" && keyword !== "default-backend" && keyword !== "host") return "";
  const handles = handlesAround(place);
  const last = place.decls.at(-1);
  for (const cluster of topology.clusters) {
    for (const ingress of cluster.ingresses ?? []) {
      if (!handles.has(ingress.source.decl.handle)) continue;
      const inside = new Set(last?.children.map(({ handle }) => handle));
      const own = ingress.rules.filter(
        ({ source }) => source.decl.handle === last?.handle || (keyword === "host" && inside.has(source.decl.handle)),
      );
      return bullets(own.slice(0, MOST_RULES).map((rule) => ruleLine(cluster, ingress, rule)));
    }
  }
  return "";
}

function kindOf({ kind }: Ingress): string {
  return kind === "ingress" ? "ingress" : "http-route";
}

function servedText(cluster: Cluster, ingress: Ingress): string {
  const entry = entryOf(cluster, ingress);
  if (entry) return entryText(cluster, entry);
  return ingress.servedBy
    ? t`Not served: service ${code(ingress.servedBy.text)} does not exist`
    : t`Not served: no service selects the proxy pods`;
}

function entryText(cluster: Cluster, entry: Service): string {
  const proxies = new Set(
    entry.ports.flatMap((port) =>
      ([4, 6] as const).flatMap((of) => cluster.services.endpoints(entry, port, of).map(({ pod }) => pod?.name)),
    ),
  );
  const ports = entry.ports.map(({ port, nodePort }) =>
    nodePort === undefined ? String(port) : t`${port} (node port ${nodePort})`,
  );
  const count = plural(proxies.size, "proxy", "proxies");
  return ports.length === 1
    ? t`Served by ${code(entry.path)} · ${entry.type}, port ${ports.join()}: ${count}`
    : t`Served by ${code(entry.path)} · ${entry.type}, ports ${ports.join(", ")}: ${count}`;
}

function ruleLine(cluster: Cluster, ingress: Ingress, rule: IngressRule): string {
  const url = `${rule.host ?? t`any host`}${rule.path}`;
  const what = rule.isDefault ? t`everything else` : rule.exact ? t`${url} (exact)` : url;
  const found = backendOf(cluster, ingress, rule.backend);
  if (typeof found === "string") return `${code(what)} → ${found}`;
  const { service, port } = found;
  const endpoints = ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of));
  const shown =
    endpoints.length === 0
      ? t`no endpoints (the proxy responds with 503)`
      : list(
          endpoints.map((one) => endpointText(one)),
          MOST_ENDPOINTS,
        );
  return t`${code(what)} → service ${code(service.path)} port ${port.port}: ${shown}`;
}
