// Runs kube-proxy on a node: in a network namespace with the node's addresses, against an API server in the same network
// namespace. knet's rules are loaded in a second one, so that the same tools print both.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIp, formatPrefix } from "../../../server/src/addressing/ip.ts";
import type { Machine } from "../../../server/src/cli/machine.ts";
import type { Netns } from "../../../server/src/dataplane/model.ts";
import { ruleSections } from "../../../server/src/dataplane/rules.ts";
import { opensLocalhost } from "../../../server/src/kubernetes/proxy/node-addresses.ts";
import type { Cluster, KubeProxy, Node } from "../../../server/src/topology/model.ts";
import { kubeconfigOf } from "../api-server.ts";
import { objectsOf } from "../objects.ts";
import type { State } from "../suite.ts";
import { ipsetState, iptablesState, ipvsState, nftState } from "./state.ts";

const API_PORT = 18080;
const API_SERVER = join(import.meta.dirname, "../api-server.ts");

export interface Run {
  readonly machine: Machine;
  /** Path of kube-proxy. */
  readonly program: string;
  readonly cluster: Cluster;
  readonly node: Node;
  /** The node with kube-proxy's additions only. */
  readonly netns: Netns;
  /** Seconds without a change after which the state is complete: changes of the node arrive in a second sync. */
  readonly settle: number;
}

/** The state after kube-proxy has written its rules, and knet's. */
export interface Pair {
  readonly program: State;
  readonly knet: State;
}

const LIMIT_SECONDS = 300;
let runs = 0;

export async function runNode(run: Run): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "knet-kube-proxy-"));
  runs += 1;
  const name = `knet-kp-${process.pid}-${runs}`;
  try {
    const write = (file: string, text: string): string => {
      const path = join(folder, file);
      writeFileSync(path, text);
      return path;
    };
    const { kubeProxy } = run.cluster.services;
    write("objects.json", JSON.stringify(objectsOf(run.cluster)));
    write("kubeconfig", kubeconfigOf(`http://127.0.0.1:${API_PORT}`));
    write("config.json", JSON.stringify(configOf(kubeProxy, run.node, join(folder, "kubeconfig"))));
    for (const { command, lines } of ruleSections(run.netns))
      write(command.replaceAll(" ", "-"), `${lines.map(({ text }) => text).join("\n")}\n`);
    const script = write("run.sh", scriptOf(run, name, folder));
    const { code, out, err } = await run.machine.exec(["bash", script], "", AbortSignal.timeout(LIMIT_SECONDS * 1000));
    if (code !== 0) throw new Error(`${err.trim().split("\n").slice(-12).join("\n")}\n${out.slice(-400)}`);
    const sections = sectionsOf(out);
    return {
      program: stateOf(sections, "program", kubeProxy),
      knet: new Map([...stateOf(sections, "knet", kubeProxy), ...ownState(run)]),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** KubeProxyConfiguration v1alpha1. */
function configOf(kubeProxy: KubeProxy, node: Node, kubeconfig: string): object {
  const { nodePortAddresses, detectInterface, masqueradeAll } = kubeProxy;
  const masqueradeBit = Math.log2(kubeProxy.mark);
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: kubeProxy.mode,
    hostnameOverride: node.name,
    clientConnection: { kubeconfig, contentType: "application/json" },
    clusterCIDR: kubeProxy.clusterCidrs.map(formatPrefix).join(","),
    detectLocalMode: {
      "cluster-cidr": "ClusterCIDR",
      "node-cidr": "NodeCIDR",
      "bridge-interface": "BridgeInterface",
      "interface-name-prefix": "InterfaceNamePrefix",
    }[kubeProxy.detectLocal],
    detectLocal:
      kubeProxy.detectLocal === "bridge-interface"
        ? { bridgeInterface: detectInterface }
        : { interfaceNamePrefix: kubeProxy.detectLocal === "interface-name-prefix" ? detectInterface : "" },
    nodePortAddresses:
      nodePortAddresses === undefined
        ? []
        : nodePortAddresses === "primary"
          ? ["primary"]
          : nodePortAddresses.map(formatPrefix),
    iptables: { masqueradeAll, masqueradeBit, localhostNodePorts: kubeProxy.localhostNodePorts },
    nftables: { masqueradeAll, masqueradeBit },
    // A second sync soon: node ports on the addresses of kube-ipvs0 follow in it.
    ipvs: { scheduler: kubeProxy.scheduler, strictARP: kubeProxy.strictArp, syncPeriod: "2s", minSyncPeriod: "1s" },
    // The limits are those of the whole kernel.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}

/* ------------------------------------------------------------------ script */

/** A line that starts a section of the script's output. */
const MARK = "\u0001section ";

/** The box's kernel has no nft_compat: the legacy tools under the usual names. */
const LEGACY = `mkdir bin
for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s "$(command -v xtables-legacy-multi)" bin/$tool
done
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/modules "$@"\\n' >bin/modprobe
chmod +x bin/modprobe
export PATH=$PWD/bin:$PATH`;

function scriptOf(run: Run, name: string, folder: string): string {
  const { mode } = run.cluster.services.kubeProxy;
  const [theirs, ours] = [`${name}-a`, `${name}-b`];
  const section = (title: string, command: string): string => `printf '%s\\n' '${MARK}${title}'\n${command} || true`;
  const dump = (side: string, ns: string): string => {
    const at = `ip netns exec ${ns}`;
    const saved = ["iptables", "ip6tables"].map((tool) => section(`${side} ${tool}`, `${at} ${tool}-save`));
    const tables = ["ip", "ip6"].map((family) =>
      section(`${side} nft ${family}`, `${at} nft -j list table ${family} kube-proxy 2>/dev/null`),
    );
    const ipvs = [section(`${side} ipvsadm`, `${at} ipvsadm -Sn`), section(`${side} ipset`, `${at} ipset save`)];
    return (mode === "nftables" ? tables : mode === "ipvs" ? [...saved, ...ipvs] : saved).join("\n");
  };
  const load = (file: string, command: string): string =>
    `if [ -e ${folder}/${file} ]; then ip netns exec ${ours} ${command} <${folder}/${file}; fi`;
  return `set -e
cd ${folder}
trap 'kill $pids 2>/dev/null; wait 2>/dev/null; ip netns del ${theirs} 2>/dev/null; ip netns del ${ours} 2>/dev/null' EXIT
pids=
export XTABLES_LOCKFILE=${folder}/xtables.lock
${mode === "ipvs" ? LEGACY : ""}
ip netns add ${theirs}
ip netns add ${ours}
for ns in ${theirs} ${ours}; do ip -n $ns link set lo up; done
${devicesOf(run.netns, theirs).join("\n")}
${load("ipset-save", "ipset restore")}
${load("iptables-save", "iptables-restore")}
${load("ip6tables-save", "ip6tables-restore")}
${load("nft-list-ruleset", "nft -f -")}
${load("ipvsadm--Sn", "ipvsadm -R")}
ip netns exec ${theirs} ${process.execPath} ${API_SERVER} objects.json ${API_PORT} >api.log 2>&1 & pids="$pids $!"
for i in $(seq 200); do grep -q listening api.log && break; sleep 0.1; done
ip netns exec ${theirs} ${run.program} --config=config.json --v=1 >proxy.log 2>&1 & proxy=$!; pids="$pids $proxy"
# The time of the last sync, for each family.
synced() {
  ip netns exec ${theirs} bash -c 'exec 3<>/dev/tcp/127.0.0.1/10249 && printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3' 2>/dev/null |
    grep '^kubeproxy_sync_proxy_rules_last_timestamp_seconds' | grep -vc ' 0$' || true
}
for i in $(seq 300); do
  kill -0 $proxy 2>/dev/null || { cat proxy.log >&2; exit 1; }
  [ "$(synced)" -ge 1 ] && break
  sleep 0.2
done
[ "$(synced)" -ge 1 ] || { cat proxy.log >&2; exit 1; }
# Later syncs, of the other family or after a change of the node's topology, follow within a second.
before=
for i in $(seq 40); do
  now=$(${mode === "nftables" ? `ip netns exec ${theirs} nft list ruleset` : `ip netns exec ${theirs} iptables-save | grep -v '^#'; ip netns exec ${theirs} ip6tables-save | grep -v '^#'`})
  [ "$now" = "$before" ] && break
  before=$now
  sleep ${run.settle}
done
${dump("program", theirs)}
${section("program sockets", `ip netns exec ${theirs} ss -ltnHp`)}
${section("program route_localnet", `ip netns exec ${theirs} cat /proc/sys/net/ipv4/conf/all/route_localnet`)}
${section("program addresses", `ip -n ${theirs} -br addr show kube-ipvs0 2>/dev/null`)}
${dump("knet", ours)}
`;
}

/** The node's interfaces and the devices of its mode, as bridges: only their names and addresses matter. */
function devicesOf({ devices }: Netns, ns: string): readonly string[] {
  return [...devices.values()].flatMap(({ kind, name, addresses }) => {
    if (kind === "dummy") return [];
    const extra = addresses.filter(({ len }, i) => kind !== "loopback" || (i > 1 && len > 0));
    return [
      ...(kind === "loopback" ? [] : [`ip -n ${ns} link add ${name} type bridge`, `ip -n ${ns} link set ${name} up`]),
      ...extra.map(
        ({ ip, len }) =>
          `ip -n ${ns} addr add ${formatIp(ip)}/${len} dev ${name}${typeof ip === "bigint" ? " nodad" : ""}`,
      ),
    ];
  });
}

function sectionsOf(out: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  for (const part of out.split(MARK).slice(1)) {
    const end = part.indexOf("\n");
    sections.set(part.slice(0, end), part.slice(end + 1));
  }
  return sections;
}

/* ------------------------------------------------------------------- state */

function stateOf(sections: ReadonlyMap<string, string>, side: "program" | "knet", { mode }: KubeProxy): State {
  const section = (name: string): string => sections.get(`${side} ${name}`) ?? "";
  const state = new Map<string, { readonly lines: readonly string[]; readonly unordered: boolean }>();
  const add = (more: State): void => {
    for (const [where, value] of more) state.set(where, value);
  };
  if (mode === "nftables") for (const family of ["ip", "ip6"]) add(nftState(section(`nft ${family}`), `nft ${family}`));
  else for (const tool of ["iptables", "ip6tables"]) add(iptablesState(section(tool), tool));
  if (mode === "ipvs") {
    add(ipvsState(section("ipvsadm")));
    add(ipsetState(section("ipset")));
  }
  if (side === "program") {
    const set = (where: string, lines: readonly string[]): unknown => state.set(where, { lines, unordered: true });
    set("sockets", socketsOf(section("sockets")));
    set("net.ipv4.conf.all.route_localnet", [section("route_localnet").trim()]);
    if (mode === "ipvs") set("kube-ipvs0", section("addresses").trim().split(/\s+/).slice(2));
  }
  return state;
}

/** kube-proxy's listening TCP sockets, without its own health and metrics ports: "0.0.0.0:30999". */
function socketsOf(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => line.includes('"kube-proxy'))
    .map((line) => line.trim().split(/\s+/)[3] ?? "")
    .filter((address) => !/:(10249|10256)$/.test(address));
}

/** What knet states without a tool that prints it. */
function ownState({ netns, cluster }: Run): State {
  const { mode } = cluster.services.kubeProxy;
  const sockets = netns.sockets
    .filter(({ process }) => process === "kube-proxy")
    .map(({ address, family, port }) => {
      if (address === undefined) return `${family === undefined ? "*" : family === 4 ? "0.0.0.0" : "[::]"}:${port}`;
      return typeof address === "bigint" ? `[${formatIp(address)}]:${port}` : `${formatIp(address)}:${port}`;
    });
  const dummy = netns.devices.get("kube-ipvs0");
  const unordered = true;
  const localnet = opensLocalhost(cluster.services.kubeProxy) ? "1" : "0";
  return new Map([
    ["sockets", { lines: sockets, unordered }],
    ["net.ipv4.conf.all.route_localnet", { lines: [localnet], unordered }],
    ...(mode === "ipvs"
      ? [
          [
            "kube-ipvs0",
            { lines: dummy?.addresses.map((one) => `${formatIp(one.ip)}/${one.len}`) ?? [], unordered },
          ] as const,
        ]
      : []),
  ]);
}
