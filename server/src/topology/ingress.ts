/** Ingresses, gateways, and HTTP routes as written, and which of their rules matches a URL. */

import { child, has, nameOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Ingress, IngressBackend, IngressRule, Service, ServicePort } from "./model.ts";

/** One `ingress`, `gateway`, or `http-route` statement; a gateway serves the routes that name it. */
export interface IngressParts {
  readonly decl: Decl;
  readonly namespace: string;
}

export function buildIngresses(file: string, cluster: string, written: readonly IngressParts[]): readonly Ingress[] {
  const gateways = new Map<string, Decl>();
  for (const { decl, namespace } of written) {
    const name = nameOf(decl);
    if (decl.spec?.keyword === "gateway" && name !== undefined) gateways.set(`${namespace}/${name}`, decl);
  }
  return written.flatMap(({ decl, namespace }): Ingress[] => {
    const name = nameOf(decl);
    const keyword = decl.spec?.keyword;
    if (name === undefined || (keyword !== "ingress" && keyword !== "http-route")) return [];
    const gateway = oneOf(child(decl, "gateway"), "gateway", "ref")?.text;
    const path = gateway?.includes("/") ? gateway.split("/").slice(-2).join("/") : `${namespace}/${gateway ?? ""}`;
    const server = keyword === "ingress" ? decl : gateways.get(path);
    const served = server && child(server, "served-by");
    const read = one(served, "service");
    return [
      {
        kind: keyword === "ingress" ? "ingress" : "route",
        path: `${cluster}/${namespace}/${name}`,
        namespace,
        name,
        servedBy:
          served && read?.value.kind === "ref"
            ? { text: read.value.text, source: sourceOfRead(file, served, read) }
            : undefined,
        gateway: keyword === "http-route" && gateway !== undefined ? path : undefined,
        rules: rulesIn(file, decl),
        source: sourceOf(file, decl),
      },
    ];
  });
}

function rulesIn(file: string, decl: Decl): readonly IngressRule[] {
  return decl.children.flatMap((statement): readonly IngressRule[] => {
    switch (statement.spec?.keyword) {
      case "host": {
        const host = oneOf(statement, "host", "string")?.text.toLowerCase();
        return host === undefined ? [] : statement.children.flatMap((line) => ruleOf(file, line, host) ?? []);
      }
      case "path":
      case "default-backend":
        return [ruleOf(file, statement, undefined)].flatMap((rule) => rule ?? []);
      default:
        return [];
    }
  });
}

function ruleOf(file: string, decl: Decl, host: string | undefined): IngressRule | undefined {
  const backend = one(decl, "backend");
  if (backend?.value.kind !== "endpoint" || backend.value.port === undefined) return undefined;
  const isDefault = decl.spec?.keyword === "default-backend";
  const path = oneOf(decl, "path", "string")?.text;
  if (path === undefined && !isDefault) return undefined;
  return {
    host,
    path: isDefault ? "/" : (path ?? "/"),
    exact: has(decl, "exact"),
    isDefault,
    weight: oneOf(decl, "weight", "number")?.value ?? 1,
    backend: { text: backend.value.path, port: backend.value.port, source: sourceOfRead(file, decl, backend) },
    source: sourceOf(file, decl),
  };
}

/* ------------------------------------------------------------------- binding */

/** The service and port that a backend names, or why there is no such port. */
export function backendOf(
  { services }: Cluster,
  { namespace }: Ingress,
  { text, port }: IngressBackend,
): { readonly service: Service; readonly port: ServicePort } | string {
  const parts = text.split("/").slice(-2);
  const [where, name] = parts.length === 2 ? [parts[0] ?? "", parts[1] ?? ""] : [namespace, parts[0] ?? ""];
  const service = services.byName(where, name);
  if (!service) return t`service \`${where}/${name}\` does not exist`;
  const found = service.ports.find((one) => one.port === port);
  const ports = service.ports.map((one) => one.port).join(", ");
  if (found) return { service, port: found };
  return ports === ""
    ? t`service \`${service.path}\` has no ports`
    : t`service \`${service.path}\` has no port ${port} (ports: ${ports})`;
}

export function entryOf({ services }: Cluster, { namespace, servedBy }: Ingress): Service | undefined {
  if (!servedBy) return undefined;
  const parts = servedBy.text.split("/").slice(-2);
  if (parts.length === 2) return services.byName(parts[0] ?? "", parts[1] ?? "");
  const [name = ""] = parts;
  return services.byName(namespace, name) ?? services.all.find((one) => one.name === name);
}

/* ---------------------------------------------------------------------- URLs */

export interface Url {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** "http://shop.example.com:8080/api?x=1"; undefined for anything else. */
export function readUrl(text: string): Url | undefined {
  const match = /^(https?):\/\/([^/?#:\s]+)(?::(\d{1,5}))?([^?#\s]*)[^\s]*$/i.exec(text);
  if (!match) return undefined;
  const [, scheme = "", host = "", port, path = ""] = match;
  const secure = scheme.toLowerCase() === "https";
  const number = port === undefined ? (secure ? 443 : 80) : Number(port);
  if (number < 1 || number > 65535) return undefined;
  return { secure, host: host.toLowerCase(), port: number, path: path === "" ? "/" : path };
}

export interface Routed {
  readonly cluster: Cluster;
  readonly ingress: Ingress;
  /** Rules with the same host and path; they share the requests by weight. */
  readonly rules: readonly IngressRule[];
}

/**
 * The rules that match the URL: the most specific host, then an exact path, then the longest prefix; of equal rules,
 * the first declared.
 */
export function routeUrl(clusters: readonly Cluster[], url: Url): Routed | undefined {
  let best: { readonly routed: Routed; readonly rank: readonly number[] } | undefined;
  for (const cluster of clusters) {
    for (const ingress of cluster.ingresses ?? []) {
      for (const rule of ingress.rules) {
        const rank = rankOf(rule, url);
        if (!rank || (best && compare(rank, best.rank) <= 0)) continue;
        const same = ingress.rules.filter(
          (one) => one.host === rule.host && one.path === rule.path && one.exact === rule.exact,
        );
        best = {
          routed: { cluster, ingress, rules: rule.isDefault ? [rule] : same.filter((one) => !one.isDefault) },
          rank,
        };
      }
    }
  }
  return best?.routed;
}

/** How specifically a rule matches, most significant first; undefined if it does not match. */
function rankOf({ host, path, exact, isDefault }: IngressRule, url: Url): readonly number[] | undefined {
  const byHost = host === undefined ? 0 : host === url.host ? 2 : isBelow(url.host, host) ? 1 : undefined;
  if (byHost === undefined) return undefined;
  if (exact) return path === url.path ? [1, byHost, 1, path.length] : undefined;
  const prefix = path.replace(/\/+$/, "");
  if (url.path !== prefix && !url.path.startsWith(`${prefix}/`)) return undefined;
  return [isDefault ? 0 : 1, byHost, 0, prefix.length];
}

/** "*.example.com" matches one label, as in Ingress and in the Gateway API's shortest match. */
function isBelow(host: string, pattern: string): boolean {
  if (!pattern.startsWith("*.")) return false;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? 0);
  return 0;
}
