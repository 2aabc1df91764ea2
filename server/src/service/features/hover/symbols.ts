/** Hovers of named objects, by kind. */
import { formatIp } from "../../../addressing/ip.ts";
import { wholeText } from "../../../declared/text.ts";
import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { SecurityGroup, Topology } from "../../../topology/model.ts";
import { stationsOf } from "../../../topology/stations.ts";
import type { Analysis } from "../../analysis.ts";
import { code, paragraphs } from "../markdown.ts";
import { policyText } from "../policies.ts";
import { prefixText } from "../ranges.ts";
import { type Subject, subjectOf } from "../subjects.ts";
import { type NamedSymbol, pathOf } from "../symbol.ts";
import { gatewayText, ingressText } from "./names.ts";
import { workloadText } from "./pods.ts";
import { serviceText } from "./services.ts";
import { clusterText, nodeFacts, poolText, stationText } from "./stations.ts";

export function symbolText(analysis: Analysis, symbol: NamedSymbol, use: string | undefined): string {
  const subject = subjectOf(analysis.topology, symbol);
  if (symbol.kind === "container" || symbol.kind === "daemon") return processText(symbol, subject);
  if (!subject) return `**${symbol.decl.spec?.keyword ?? symbol.kind}** ${code(pathOf(symbol).join("/"))}`;
  switch (subject.kind) {
    case "segment": {
      const { segment } = subject;
      const { topology } = analysis;
      const attached = topology.attachedTo(segment.name).length;
      return paragraphs(
        `**segment** ${code(segment.name)} · MTU ${segment.mtu}${segment.vlan === undefined ? "" : `, VLAN ${segment.vlan}`}, ${plural(attached, "interface")}`,
        segment.gateways.length === 0 ? t`No gateway` : t`Gateway ${segment.gateways.map(formatIp).join(", ")}`,
        ...segment.cidrs.map((prefix) => prefixText(topology, prefix)),
      );
    }
    case "router":
      return stationText(analysis, subject.router, "router", "");
    case "host":
      return stationText(analysis, subject.host, "host", "");
    case "cluster":
      return clusterText(analysis, subject.cluster);
    case "nodes": {
      const last = use?.split(":")[0]?.split("/").at(-1);
      const node = subject.nodes.find(({ name }) => name === last) ?? subject.nodes[0];
      if (!node) return "";
      const pool = subject.nodes.length > 1 && node.name !== last ? poolText(subject.nodes) : "";
      return paragraphs(pool, stationText(analysis, node, "node", nodeFacts(subject.cluster, node)));
    }
    case "service":
      return serviceText(subject.cluster, subject.service);
    case "workload":
      return workloadText(analysis, subject.cluster, subject.workload, use);
    case "policy":
      return policyText(subject.cluster, subject.policy);
    case "ingress":
      return ingressText(subject.cluster, subject.ingress);
    case "gateway":
      return gatewayText(subject.cluster, pathOf(symbol).join("/"), subject.routes);
    case "security-group":
      return securityGroupText(analysis.topology, subject.group);
  }
}

/** Its rules as written, and the interfaces that have it. */
function securityGroupText(topology: Topology, { name, rules }: SecurityGroup): string {
  const machines = stationsOf(topology).filter(({ interfaces }) =>
    interfaces.some(({ groups }) => groups.includes(name)),
  );
  const shown = machines.slice(0, 10).map(({ path }) => code(path));
  const more = machines.length > shown.length ? [t`${machines.length - shown.length} more`] : [];
  return paragraphs(
    `**security-group** ${code(name)} · ${plural(machines.length, "machine")}`,
    rules.length === 0
      ? t`No rules: only replies are accepted`
      : rules.map(({ source }) => code(wholeText(source.decl))).join("  \n"),
    machines.length === 0 ? t`No interface has this security group` : [...shown, ...more].join(", "),
  );
}

function processText(symbol: NamedSymbol, subject: Subject | undefined): string {
  const path = pathOf(symbol).join("/");
  const processes =
    subject?.kind === "workload"
      ? subject.workload.containers
      : subject?.kind === "nodes"
        ? subject.nodes[0]?.processes
        : subject?.kind === "host"
          ? subject.host.processes
          : [];
  const own = processes?.find(({ name }) => name === symbol.name);
  const ports = (own?.listeners ?? []).map(
    ({ first, last, proto }) => `${first}${last === first ? "" : `-${last}`}/${proto}`,
  );
  return paragraphs(
    `**${symbol.kind}** ${code(path)}`,
    ports.length === 0 ? t`No open ports` : t`Listens on ${ports.join(", ")}`,
  );
}
