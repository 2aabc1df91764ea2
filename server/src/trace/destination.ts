/** The TO argument of a trace: `PATH`, `PATH:PORT`, `PATH:PORT/PROTOCOL`, or a URL. */
import { splitPort } from "../declared/reading.ts";
import { t } from "../text/l10n.ts";
import { readUrl } from "../topology/ingress.ts";
import type { Topology } from "../topology/model.ts";
import { type Proxied, proxiedBy } from "./proxied.ts";
import type { Query } from "./schema.ts";

export interface Destination {
  /** The path or address, without the port. */
  readonly target: string;
  readonly port: number | undefined;
  readonly proto: Query["proto"] | undefined;
  /** Of a URL. */
  readonly proxied: Proxied | undefined;
}

/** The protocols with ports. */
const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

interface Wanted {
  readonly to: string;
  readonly port?: number | undefined;
  readonly proto?: Query["proto"] | undefined;
}

/** The destination with the port and the protocol of `to` or of the request, or an error message if they differ. */
export function destinationOf(topology: Topology, { to, port, proto }: Wanted): Destination | string {
  const written = read(topology, to);
  if (typeof written === "string") return written;
  const wanted = { ...written, port: port ?? written.port, proto: proto ?? written.proto };
  if (proto === "icmp" && wanted.port !== undefined)
    return t`port ${wanted.port} requires tcp, udp, or sctp: ICMP has no ports`;
  if (written.port !== undefined && written.port !== wanted.port)
    return t`\`${to}\` has port ${written.port}, not the requested port ${wanted.port ?? ""}`;
  if (written.proto !== undefined && written.proto !== wanted.proto)
    return t`\`${to}\` has protocol ${written.proto}, not the requested protocol ${wanted.proto ?? ""}`;
  return wanted;
}

function read(topology: Topology, to: string): Destination | string {
  const url = readUrl(to);
  if (url) {
    const proxied = proxiedBy(topology, url);
    if (typeof proxied === "string") return proxied;
    return { target: `service/${proxied.entry.path}`, port: url.port, proto: "tcp", proxied };
  }
  const { host, port } = splitPort(to);
  const none = { port: undefined, proto: undefined, proxied: undefined };
  if (port === undefined) return { ...none, target: host };
  // `http://` and `db:postgres` are unknown names.
  if (!/^\d/.test(port)) return { ...none, target: to };
  const [number = "", proto] = port.split(/\/(.*)/, 2);
  if (!/^\d{1,5}$/.test(number) || Number(number) < 1 || Number(number) > 65535)
    return t`\`${to}\`: expected a port from 1 to 65535`;
  const written = proto === undefined ? undefined : PROTOCOLS.find((one) => one === proto);
  if (written !== proto) return t`\`${to}\`: expected tcp, udp, or sctp after the port`;
  return { ...none, target: host, port: Number(number), proto: written };
}
