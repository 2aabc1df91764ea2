/** Names that are no names of the file: those of the cluster's DNS, and URLs; and the ingresses that serve them. */
import { number, plural } from "../../../text/words.ts";
import { dnsNames, nameServer } from "../../../topology/dns.ts";
import { backendOf, entryOf, readUrl, type Url } from "../../../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Service } from "../../../topology/model.ts";
import { endpointText } from "../../../topology/service-endpoints.ts";
import { answersOf } from "../../../trace/lookup.ts";
import { proxiedBy } from "../../../trace/proxied.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import type { Place } from "../place.ts";
import { serviceText } from "./services.ts";

const MOST_ENDPOINTS = 4;
const MOST_RULES = 12;

/** Where an end of an expectation leads that is neither a path nor an address; empty where nobody knows it. */
export function foreignName(analysis: Analysis, text: string, path: string): string {
  const url = readUrl(text);
  return url ? urlText(analysis, url) : dnsText(analysis, path);
}

function dnsText({ topology }: Analysis, path: string): string {
  if (path.includes("/") || !path.includes(".")) return "";
  return paragraphs(
    ...dnsNames(topology.clusters, path).map((found) => {
      const { cluster, name } = found;
      const server = nameServer(cluster);
      const asked = server ? `the DNS service ${code(server.path)} is asked first` : "no DNS service is declared";
      const what =
        found.kind === "pod"
          ? `pod ${code(found.pod.path)}${found.pod.node ? ` on node ${code(found.pod.node.name)}` : ""}`
          : serviceText(cluster, found.service);
      return paragraphs(
        `DNS name ${code(name)} of cluster ${code(cluster.name)} · answers ${answersOf(found).join(", ") || "nothing"}; ${asked}`,
        what,
      );
    }),
  );
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
        const part = backends.length > 1 ? `, ${Math.round(share * 100)} % of the requests` : "";
        return `the proxy sends to service ${code(path)}, straight to one of ${plural(targets.length, "endpoint")}${part}`;
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
    rules.length > MOST_RULES ? `and ${number(rules.length - MOST_RULES)} more` : undefined,
  ]);
}

/** A gateway with the routes that belong to it. */
export function gatewayText(cluster: Cluster, path: string, routes: readonly Ingress[]): string {
  const [first] = routes;
  return paragraphs(
    `**gateway** ${code(path)} · ${plural(routes.length, "route")}`,
    first ? servedText(cluster, first) : "No HTTP route belongs to it: it answers 404 to every request.",
    ...routes.map((route) => paragraphs(titleOf(route), ruleLines(cluster, route))),
  );
}

/** Of a line inside an ingress or a route: where its requests go. */
export function rulesText({ topology }: Analysis, { path }: Place, keyword: string): string {
  if (keyword !== "path" && keyword !== "default-backend" && keyword !== "host") return "";
  const statements = new Set(path.statements);
  const last = path.statements.at(-1);
  for (const cluster of topology.clusters) {
    for (const ingress of cluster.ingresses ?? []) {
      if (!statements.has(ingress.source.statement)) continue;
      const inside = new Set(last?.block?.statements ?? []);
      const own = ingress.rules.filter(
        ({ source }) => source.statement === last || (keyword === "host" && inside.has(source.statement)),
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
    ? `Served by nobody: there is no service ${code(ingress.servedBy.text)}`
    : "Served by nobody: no service leads to its proxy";
}

function entryText(cluster: Cluster, entry: Service): string {
  const proxies = new Set(
    entry.ports.flatMap((port) =>
      ([4, 6] as const).flatMap((of) => cluster.services.endpoints(entry, port, of).map(({ pod }) => pod?.name)),
    ),
  );
  const ports = entry.ports.map(({ port, nodePort }) =>
    nodePort === undefined ? String(port) : `${port} (on every node ${nodePort})`,
  );
  return `Served by ${code(entry.path)} · ${entry.type}, port ${ports.join(", ")}: ${plural(proxies.size, "proxy", "proxies")}`;
}

function ruleLine(cluster: Cluster, ingress: Ingress, rule: IngressRule): string {
  const host = rule.host ?? "any host";
  const what = rule.isDefault ? "everything else" : `${host}${rule.path}${rule.exact ? " exactly" : ""}`;
  const found = backendOf(cluster, ingress, rule.backend);
  if (typeof found === "string") return `${code(what)} → ${found}`;
  const { service, port } = found;
  const endpoints = ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of));
  const shown = endpoints.slice(0, MOST_ENDPOINTS).map((one) => endpointText(one));
  const rest = endpoints.length > shown.length ? ` and ${number(endpoints.length - shown.length)} more` : "";
  const where = endpoints.length === 0 ? "no endpoints: the proxy answers 503" : `${shown.join(", ")}${rest}`;
  return `${code(what)} → service ${code(service.path)} port ${port.port}: ${where}`;
}
