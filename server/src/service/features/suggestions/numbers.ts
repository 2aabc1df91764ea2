/** Suggested numbers: prefix lengths, bounds, defaults, and well-known ports. */

import { one } from "../../../declared/access.ts";
import { plural } from "../../../text/format.ts";
import { phrase, t, translated } from "../../../text/l10n.ts";
import { nextNodePort } from "../free.ts";
import { clusterAround, serviceAround } from "../stations.ts";
import { type Given, type Suggestion, suggestion, unique } from "./suggestion.ts";

export function lengths(given: Given): readonly Suggestion[] {
  const { spec, decl } = given;
  const range = one(decl, "prefix")?.value;
  const v6 = range?.kind === "prefix" && typeof range.prefix.ip === "bigint";
  const texts = v6 ? ["/64", "/80", "/112"] : ["/24", "/25", "/26", "/23", "/22"];
  return texts.map((text) => {
    const len = Number(text.slice(1));
    const blocks =
      range?.kind === "prefix" && len >= range.prefix.len ? `, ${plural(2 ** (len - range.prefix.len), "block")}` : "";
    const size = v6 ? "" : `${plural(2 ** (32 - len), "address", "addresses")}${blocks}`;
    return suggestion(text, "number", size === "" ? translated(spec.summary) : size);
  });
}

export function numbers(given: Given, min: number, max: number): readonly Suggestion[] {
  const { spec, decl } = given;
  if (spec.after === "node-port" || decl.spec?.keyword === "node-port") return nodePorts(given);
  const { type, default: otherwise } = spec;
  const found = otherwise !== undefined && /^\d+$/.test(otherwise) ? [suggestion(otherwise, "number", t`default`)] : [];
  const unit = type.kind === "number" ? type.unit : undefined;
  if (unit === "bytes" && max >= 9000) {
    found.push(
      suggestion("1500", "number", "Ethernet"),
      suggestion("1450", "number", t`Ethernet minus 50 bytes for VXLAN`),
      suggestion("9000", "number", t`jumbo frames`),
    );
  }
  if (max - min < 3) for (let value = min; value <= max; value++) found.push(suggestion(String(value), "number", ""));
  return unique(found);
}

function nodePorts({ analysis, place }: Given): readonly Suggestion[] {
  const cluster = clusterAround(analysis.topology, place);
  const port = cluster && nextNodePort(cluster, serviceAround(cluster, place));
  return cluster && port !== undefined
    ? [suggestion(String(port), "number", t`next free node port of cluster ${cluster.name}`)]
    : [];
}

const KNOWN_PORTS: readonly (readonly [number, "tcp" | "udp", string])[] = [
  [80, "tcp", "HTTP"],
  [443, "tcp", "HTTPS"],
  [8080, "tcp", "HTTP"],
  [53, "udp", "DNS"],
  [53, "tcp", "DNS"],
  [5432, "tcp", "PostgreSQL"],
  [6443, "tcp", "Kubernetes API"],
  [8472, "udp", phrase("VXLAN (flannel default)")],
  [8285, "udp", phrase("flannel backend udp")],
  [10250, "tcp", "kubelet"],
];

export function ports(protocol: boolean): readonly Suggestion[] {
  return unique(
    KNOWN_PORTS.map(([port, proto, what]) =>
      suggestion(protocol ? `${port}/${proto}` : String(port), "number", translated(what)),
    ),
  );
}
