/** The port behind an end of a packet: who takes what is sent to it there. */
import type { Value } from "../../../language/values.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import { listenersOf, subjectOf } from "../subjects.ts";
import { type NameLink, pathOf } from "../symbols.ts";
import { servicePortText } from "./services.ts";

type End = Extract<Value, { kind: "endpoint" }>;

/** `link`: what the end's path names. */
export function portText(analysis: Analysis, link: NameLink, { port, proto = "tcp" }: End): string {
  const { symbol, written } = link;
  const { topology } = analysis;
  const subject = subjectOf(topology, symbol);
  const name = code([...pathOf(symbol).slice(0, -1), written].join("/"));
  const shown = `**${port}/${proto}**`;
  if (subject?.kind === "service") {
    const { cluster, service } = subject;
    const own = service.ports.filter((one) => one.port === port && one.proto === proto);
    if (own.length === 0) return `${shown} is no port of service ${name}`;
    return paragraphs(`${shown} of service ${name}`, ...own.map((one) => servicePortText(cluster, service, one)));
  }
  const takers = listenersOf(topology, symbol)
    .filter(({ listener }) => port !== undefined && listener.first <= port && port <= listener.last)
    .filter(({ listener }) => listener.proto === proto)
    .map(({ process }) => `${code(process)} listens`);
  const services =
    subject?.kind === "nodes" && port !== undefined
      ? subject.cluster.services.byNodePort(port).map((service) => `node port of service ${code(service.path)}`)
      : [];
  return paragraphs(`${shown} of ${name}`, bullets([...takers, ...services]) || "Nobody listens there");
}
