/** Hovers of the port of an endpoint: the processes and services that accept its packets. */
import type { Value } from "../../../declared/values.ts";
import { t } from "../../../text/l10n.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import { listenersOf, subjectOf } from "../subjects.ts";
import { type NameLink, pathOf } from "../symbol.ts";
import { servicePortText } from "./services.ts";

type End = Extract<Value, { kind: "endpoint" }>;

/** `link`: the symbol that the endpoint's path refers to. */
export function portText(analysis: Analysis, link: NameLink, { port, proto = "tcp" }: End): string {
  const { symbol, written } = link;
  const { topology } = analysis;
  const subject = subjectOf(topology, symbol);
  const name = code([...pathOf(symbol).slice(0, -1), written].join("/"));
  const shown = `**${port}/${proto}**`;
  if (subject?.kind === "service") {
    const { cluster, service } = subject;
    const own = service.ports.filter((one) => one.port === port && one.proto === proto);
    if (own.length === 0) return t`${shown} is not a port of service ${name}`;
    return paragraphs(t`${shown} of service ${name}`, ...own.map((one) => servicePortText(cluster, service, one)));
  }
  const takers = listenersOf(topology, symbol)
    .filter(({ listener }) => port !== undefined && listener.first <= port && port <= listener.last)
    .filter(({ listener }) => listener.proto === proto)
    .map(({ process }) => t`${code(process)} listens`);
  const services =
    subject?.kind === "nodes" && port !== undefined
      ? subject.cluster.services.byNodePort(port).map((service) => t`node port of service ${code(service.path)}`)
      : [];
  return paragraphs(t`${shown} of ${name}`, bullets([...takers, ...services]) || t`Nothing listens`);
}
