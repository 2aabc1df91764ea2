/** A topology as plain data, to compare two builds of one text. */
import type { Document } from "../../../server/src/declared/document.ts";
import type { Origin } from "../../../server/src/declared/origin.ts";
import type { Topology } from "../../../server/src/topology/model.ts";

/** With the position of every location, all pods, and the results of all lookups; locations stand for declarations. */
export function plain(topology: Topology, documents: readonly Document[]): unknown {
  const byFile = new Map(documents.map((document) => [document.file, document]));
  const seen = new Map<object, unknown>();
  const convert = (value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
    if (isOrigin(value)) return [value.file, byFile.get(value.file)?.spanOf(value) ?? "nowhere", value.part];
    const known = seen.get(value);
    if (known !== undefined) return known;
    const made = converted(value);
    seen.set(value, made);
    return made;
  };
  const converted = (value: object): unknown => {
    if (value instanceof Map) return { entries: [...value].map(([key, one]) => [convert(key), convert(one)]) };
    if (value instanceof Set) return { members: [...value].map(convert) };
    if (Array.isArray(value)) return value.map(convert);
    const entries = Object.entries(value).filter(([key]) => key !== "decl");
    return Object.fromEntries(entries.map(([key, one]) => [key, convert(one)]));
  };
  const pods = topology.clusters.map(({ nodes, pods }) => nodes.map((node) => [...pods.podsOn(node)]));
  const endpoints = topology.clusters.map(({ services }) =>
    services.all.map((service) => [
      services.byName(service.namespace, service.name) === service,
      service.clusterIps.map((ip) => services.byAddress(ip).map(({ path }) => path)),
      service.ports.map((port) => [
        services.byNodePort(port.nodePort ?? 0).map(({ path }) => path),
        services.endpoints(service, port, 4).map(({ ip, port: number, pod }) => [ip, number, pod?.path]),
        services.endpoints(service, port, 6).map(({ ip, port: number, pod }) => [ip, number, pod?.path]),
      ]),
    ]),
  );
  const attached = [...topology.segments.keys()].map((name) => topology.attachedTo(name));
  const found = attached.map((list) =>
    list.map(({ segment, addresses }) =>
      addresses.map(({ ip }) => topology.interfacesWith(segment, ip).map(({ station }) => station.path)),
    ),
  );
  const byName = topology.clusters.map(({ nodes, nodeByName, nodeByPodAddress }) =>
    nodes.map((node) => [
      nodeByName(node.name) === node,
      node.podCidrs.map(({ prefix }) => nodeByPodAddress(prefix.ip)?.path),
    ]),
  );
  return convert([topology, attached, found, byName, pods, endpoints]);
}

function isOrigin(value: object): value is Origin {
  return "file" in value && "decl" in value && "part" in value;
}
