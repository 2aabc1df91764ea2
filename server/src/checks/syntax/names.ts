/** Texts for the kinds and places of objects in problem data. */
import { phrase, t, translated } from "../../text/l10n.ts";

/** Kinds whose noun is marked for translation; a kind that is not listed is shown unchanged. */
const KINDS: Readonly<Record<string, string>> = {
  segment: phrase("segment"),
  router: phrase("router"),
  host: phrase("host"),
  cluster: phrase("cluster"),
  node: phrase("node"),
  namespace: phrase("namespace"),
  pod: phrase("pod"),
  deployment: phrase("deployment"),
  statefulset: phrase("statefulset"),
  daemonset: phrase("daemonset"),
  service: phrase("service"),
  container: phrase("container"),
  daemon: phrase("daemon"),
  policy: phrase("policy"),
  endpoint: phrase("endpoint"),
  station: phrase("router, node, or host"),
  "calico-tier": phrase("Calico tier"),
};

/** The place that has no kind and name, marked for translation. */
phrase("the topology");

export function kindText(kind: string | number | undefined): string {
  return translated(KINDS[String(kind)] ?? String(kind));
}

/** `cluster prod` → "cluster `prod`"; any other place is already a complete text. */
export function placeText(place: string | number | undefined): string {
  const text = String(place);
  const [, kind, name] = /^([a-z]+) ([^\s`]+)$/.exec(text) ?? [];
  if (kind === undefined || name === undefined || KINDS[kind] === undefined) return translated(text);
  return t`${kindText(kind)} \`${name}\``;
}
