/** Runs flanneld on each node of a topology, and compares the nodes' state with knet's prediction. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { formatIp, formatPrefix, type Prefix } from "../../../server/src/addressing/ip.ts";
import { clusterStates } from "../../../server/src/cni/clusters.ts";
import { flannelCluster, type Participant } from "../../../server/src/cni/flannel/cluster.ts";
import type { BackendSettings } from "../../../server/src/cni/flannel/settings.ts";
import type { Network } from "../../../server/src/dataplane/model.ts";
import type { Node, Topology } from "../../../server/src/topology/model.ts";
import type { KubeObject } from "../api-server.ts";
import { kernelRoutes, type Lines } from "../lines.ts";
import { bareNetwork, buildSpaces } from "../spaces.ts";
import { analysisOf, bag, type Comparison, type Difference, differences, failed, type State } from "../suite.ts";
import type { FlannelCase } from "./cases.ts";
import { EXCEPTIONS } from "./exceptions.ts";
import { observed, observedMacs, predicted, predictedMacs } from "./state.ts";

const POLL = 500;
/**
 * Milliseconds without a change after which a difference is final: flanneld renews its rules every 5 seconds, and a box is
 * several times slower.
 */
const UNCHANGED = { host: 30_000, uml: 120_000, qemu: 300_000 } as const;
const PATIENCE = 600_000;
/** In the log of flanneld (main.go) when it has a lease. */
const STARTED = "Running backend.";
const ETCD_KEY = "/coreos.com/network/config";

interface NodeRun {
  readonly node: Node;
  readonly self: Participant;
  /** Name of the network namespace. */
  readonly name: string;
  readonly before: ReadonlySet<string>;
}

export function compareCase(one: FlannelCase, program: string, verbose: boolean): Promise<Comparison> {
  return compared(one, program, verbose).catch((error: Error) => failed(one.name, error));
}

async function compared({ name, text, kernel }: FlannelCase, program: string, verbose: boolean): Promise<Comparison> {
  const { topology, network } = analysisOf(`flannel ${name.replaceAll("/", " ")}`, text);
  const bare = bareNetwork(topology);
  const participants = participantsOf(topology);
  const ids = [...topology.routers.map(({ path }) => path), ...participants.map(({ node }) => node.path)];
  const spaces = await buildSpaces(bare, ids, () => false);
  const children = new Set<ChildProcess>();
  const stop = async (): Promise<void> => {
    await Promise.all([...children].map(end));
    await spaces.down();
  };
  try {
    const nodes = participants.map((self): NodeRun => {
      const space = spaces.names.get(self.node.path) ?? "";
      return { node: self.node, self, name: space, before: new Set(kernelRoutes(space)) };
    });
    const port = await startManager(children, spaces.folder, nodes);
    const path = kernel === "host" ? "" : legacyPrograms(spaces.folder);
    const logs = nodes.map((one) => startFlanneld(children, { program, folder: spaces.folder, port, path }, one));
    const expected = nodes.map(({ node }) => predictedOf(network, bare, participants, node));
    const used = new Map<string, number>();
    const knet: State = new Map(nodes.map(({ node }, i) => [node.name, bag(expected[i] ?? [])]));
    const look = (): readonly Difference[] => {
      const macs = observedMacs(nodes.map(({ node, name: space }) => ({ id: node.path, name: space })));
      const state = nodes.map(({ node, name: space, before }) => {
        // The MTU in subnet.env is the bridge's, which exists on nodes with pods.
        const file = network.netns(node.path)?.devices.has("cni0") ? subnetFile(spaces.folder, node) : [];
        const lines = [...observed(space, macs, before), ...file];
        return [node.name, bag(lines)] as const;
      });
      used.clear();
      return differences(new Map(state), knet, EXCEPTIONS, used);
    };
    const alive = (): boolean => [...children].every((child) => child.exitCode === null);
    await until(() => logs.every((log) => log().includes(STARTED)) || !alive());
    const found = await settled(look, UNCHANGED[kernel], alive);
    if (verbose) console.log(logs.map((log) => log()).join("\n---\n"));
    const entries = expected.reduce((sum, lines) => sum + lines.length, 0);
    return { name, entries, differences: found, exceptions: [...used] };
  } finally {
    await stop();
  }
}

function participantsOf(topology: Topology): readonly Participant[] {
  const cluster = topology.clusters.find(({ cni }) => cni.plugin === "flannel");
  if (!cluster) throw new Error("no cluster with flannel");
  const flannel = flannelCluster(clusterStates(topology).of(cluster).context);
  return cluster.nodes.flatMap((node) => {
    const standing = flannel.standing(node);
    return typeof standing === "object" ? [standing] : [];
  });
}

/* ------------------------------------------------------------------ programs */

/** Starts the subnet manager, and returns its port in the network namespaces. */
async function startManager(children: Set<ChildProcess>, folder: string, nodes: readonly NodeRun[]): Promise<number> {
  const [first] = nodes;
  if (!first) throw new Error("no node");
  const target =
    first.self.settings.manager === "etcd"
      ? await startEtcd(children, folder, first)
      : await startApi(children, folder, nodes);
  const port = 6443;
  const relay = spawn(
    "python3",
    [join(import.meta.dirname, "relay.py"), String(port), String(target), ...nodes.map(({ name }) => name)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.add(relay);
  await once(relay.stdout, "data");
  return port;
}

/** A separate process: this one waits for the programs that print the state. */
async function startApi(children: Set<ChildProcess>, folder: string, nodes: readonly NodeRun[]): Promise<number> {
  const file = join(folder, "objects.json");
  writeFileSync(file, JSON.stringify(nodes.map(({ node }) => flannelNode(node))));
  const argv = [join(import.meta.dirname, "../api-server.ts"), file, "0"];
  const server = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(server);
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  return Number(new URL(line.toString().trim().replace("listening on ", "")).port);
}

function flannelNode(node: Node): KubeObject {
  const podCIDRs = node.podCidrs.map(({ prefix }) => formatPrefix(prefix));
  const addresses = node.interfaces.flatMap((iface) =>
    iface.addresses.map(({ ip }) => ({ type: "InternalIP", address: formatIp(ip) })),
  );
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: node.name, annotations: {} },
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    status: { addresses },
  };
}

async function startEtcd(children: Set<ChildProcess>, folder: string, first: NodeRun): Promise<number> {
  const [clients, peers] = [await freePort(), await freePort()];
  const [client, peer] = [`http://127.0.0.1:${clients}`, `http://127.0.0.1:${peers}`];
  const argv = ["--data-dir", join(folder, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client];
  const etcd = spawn(
    "etcd",
    [
      ...argv,
      "--listen-peer-urls",
      peer,
      "--initial-advertise-peer-urls",
      peer,
      "--initial-cluster",
      `default=${peer}`,
    ],
    { stdio: "ignore" },
  );
  children.add(etcd);
  const put = {
    key: Buffer.from(ETCD_KEY).toString("base64"),
    value: Buffer.from(JSON.stringify(netConf(first.self))).toString("base64"),
  };
  // etcd's gRPC gateway.
  for (;;) {
    const answer = await fetch(`${client}/v3/kv/put`, { method: "POST", body: JSON.stringify(put) }).catch(
      () => undefined,
    );
    if (answer?.ok) return clients;
    if (etcd.exitCode !== null) throw new Error("etcd has exited");
    await wait(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Flanneld {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
  /** Folders of programs that come before those of the machine. */
  readonly path: string;
}

/** Names of iptables' programs for its old kernel interface: in User-Mode Linux, tables cannot be created with the new one. */
function legacyPrograms(folder: string): string {
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const name of ["iptables", "ip6tables"])
    for (const ending of ["", "-save", "-restore"])
      symlinkSync("/usr/sbin/xtables-legacy-multi", join(path, `${name}${ending}`));
  return `${path}:`;
}

/** Returns a function that returns its log. */
function startFlanneld(
  children: Set<ChildProcess>,
  { program, folder, port, path }: Flanneld,
  one: NodeRun,
): () => string {
  const { node, self, name } = one;
  const { settings } = self;
  const conf = join(folder, `${node.name}.json`);
  writeFileSync(conf, JSON.stringify(netConf(self)));
  const manager =
    settings.manager === "etcd"
      ? ["-etcd-endpoints", `http://127.0.0.1:${port}`]
      : ["-kube-subnet-mgr", "-kube-api-url", `http://127.0.0.1:${port}`, "-net-config-path", conf];
  // With etcd, a lease is random, but the one of an earlier run is kept.
  if (settings.manager === "etcd" && self.v4) {
    const lease = formatPrefix({ ip: Number(self.v4.lease.ip) + 1, len: self.v4.lease.len });
    const lines = [`FLANNEL_NETWORK=${formatPrefix(self.v4.network)}`, `FLANNEL_SUBNET=${lease}`];
    writeFileSync(subnetPath(folder, node), `${lines.join("\n")}\n`);
  }
  const { iface, publicIp } = settings;
  const flags = [
    ...manager,
    `-ip-masq=${settings.ipMasq}`,
    `-iptables-forward-rules=${settings.forwardRules}`,
    ...["-subnet-file", subnetPath(folder, node)],
    ...(iface === undefined ? [] : ["-iface", typeof iface === "string" ? iface : formatIp(iface)]),
    ...(publicIp === undefined
      ? []
      : [typeof publicIp === "number" ? "-public-ip" : "-public-ipv6", formatIp(publicIp)]),
  ];
  // charon has one socket per machine, in /run.
  const start = 'mount -t tmpfs run /run && mkdir -p /run/flannel && exec "$@"';
  const argv = ["netns", "exec", name, "unshare", "-m", "sh", "-c", start, "sh", program, ...flags];
  const child = spawn("ip", argv, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_NAME: node.name, PATH: `${path}${process.env["PATH"]}:/usr/sbin:/sbin:/usr/lib/ipsec` },
  });
  children.add(child);
  const log: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => log.push(data));
  child.stderr.on("data", (data: Buffer) => log.push(data));
  return () => Buffer.concat(log).toString();
}

/** net-conf.json. */
function netConf({ settings }: Participant): object {
  const { network4, network6, subnetLen, subnetMin, subnetMax, nftables, backend } = settings;
  const text = (prefix: Prefix): string => formatPrefix(prefix);
  return {
    EnableIPv4: network4 !== undefined,
    ...(network4 ? { Network: text(network4) } : {}),
    ...(network6 ? { EnableIPv6: true, IPv6Network: text(network6) } : {}),
    ...(nftables ? { EnableNFTables: true } : {}),
    ...(subnetLen === undefined ? {} : { SubnetLen: subnetLen }),
    ...(subnetMin === undefined ? {} : { SubnetMin: formatIp(subnetMin) }),
    ...(subnetMax === undefined ? {} : { SubnetMax: formatIp(subnetMax) }),
    Backend: { Type: backend.type, ...backendConf(backend) },
  };
}

function backendConf(backend: BackendSettings): object {
  switch (backend.type) {
    case "vxlan": {
      const { vni, port, learning, directRouting, mtu } = backend;
      return { VNI: vni, Port: port, Learning: learning, DirectRouting: directRouting, ...(mtu ? { MTU: mtu } : {}) };
    }
    case "host-gw":
      return {};
    case "udp":
      return { Port: backend.port };
    case "wireguard": {
      const { mode, port, portV6, psk, keepalive, mtu } = backend;
      return {
        Mode: mode,
        ListenPort: port,
        ListenPortV6: portV6,
        ...(psk === undefined ? {} : { PSK: psk }),
        ...(keepalive === undefined ? {} : { PersistentKeepaliveInterval: keepalive }),
        ...(mtu === undefined ? {} : { MTU: mtu }),
      };
    }
    case "ipsec":
      return { PSK: backend.psk, UDPEncap: backend.udpEncap, ESPProposal: backend.espProposal };
    case "ipip":
      return { DirectRouting: backend.directRouting };
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(late);
}

/* ----------------------------------------------------------------- comparison */

function predictedOf(network: Network, bare: Network, participants: readonly Participant[], node: Node): Lines {
  const netns = network.netns(node.path);
  const empty = bare.netns(node.path);
  if (!netns || !empty) throw new Error(`no ${node.path}`);
  const macs = predictedMacs(participants.flatMap((one) => network.netns(one.node.path) ?? []));
  const bridge = netns.devices.get("cni0");
  return [...predicted(netns, empty, macs), ...(bridge ? [`subnet.env MTU ${bridge.mtu}`] : [])];
}

function subnetPath(folder: string, node: Node): string {
  return join(folder, `${node.name}.env`);
}

function subnetFile(folder: string, node: Node): Lines {
  try {
    const mtu = /^FLANNEL_MTU=(\d+)$/m.exec(readFileSync(subnetPath(folder, node), "utf8"))?.[1];
    return mtu === undefined ? [] : [`subnet.env MTU ${mtu}`];
  } catch {
    return [];
  }
}

async function until(reached: () => boolean): Promise<void> {
  const started = performance.now();
  while (!reached() && performance.now() - started < PATIENCE) await wait(POLL);
}

/** The differences once they no longer change: none in three looks, or the same ones for `unchanged` milliseconds. */
async function settled(
  look: () => readonly Difference[],
  unchanged: number,
  alive: () => boolean,
): Promise<readonly Difference[]> {
  let changed = performance.now();
  let before = "";
  let none = 0;
  for (;;) {
    const found = look();
    const text = JSON.stringify(found);
    if (text !== before) changed = performance.now();
    before = text;
    none = found.length === 0 ? none + 1 : 0;
    if (none >= 3 || performance.now() - changed > unchanged || !alive()) return found;
    await wait(POLL);
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
