/** Builds a lab in real network namespaces, sends probes, captures on every device, compares, takes it down again. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { formatIp } from "../addressing/ip.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { AGENT } from "../lab/agent.ts";
import { readCapture } from "../lab/capture.ts";
import { compare, line } from "../lab/compare.ts";
import { type LabPlan, plan } from "../lab/emit.ts";
import type { Trace } from "../trace/schema.ts";

export interface LabProbe {
  readonly netns: NetnsId;
  readonly dst: string;
  readonly proto: "tcp" | "udp" | "icmp";
  readonly dport: number;
  readonly sport: number;
  readonly size: number | undefined;
  readonly df: boolean;
  readonly trace: Trace;
}
export interface LabOutcome {
  readonly probe: LabProbe;
  readonly difference: string | undefined;
  readonly seen: readonly string[];
}

/** Longer than the kernel's wait for ARP (3 s), shorter than TCP's patience. */
const PATIENCE = 4500;

export async function runLab(
  network: Network,
  ids: readonly NetnsId[],
  probes: readonly LabProbe[],
  lab: string,
): Promise<LabOutcome[]> {
  const folder = mkdtempSync(join(tmpdir(), "knet-lab-"));
  const labPlan = plan(network, ids, lab);
  const agents = new Map<NetnsId, Agent>();
  const dumps: ChildProcessWithoutNullStreams[] = [];
  try {
    build(labPlan, folder);
    const agentFile = join(folder, "agent.cjs");
    writeFileSync(agentFile, AGENT);
    for (const [id, name] of labPlan.names) {
      const dump = spawn("ip", [
        "netns",
        "exec",
        name,
        "tcpdump",
        "-i",
        "any",
        "-y",
        "LINUX_SLL2",
        "-n",
        "-U",
        "--immediate-mode",
        "-s",
        "256",
        "-B",
        "16384",
        "--time-stamp-precision=nano",
        "-w",
        join(folder, `${name}.pcap`),
        "ip or ip6",
      ]);
      dumps.push(dump);
      await new Promise<void>((resolve, reject) => {
        dump.stderr.on("data", (data: Buffer) => {
          if (String(data).includes("listening on")) resolve();
        });
        dump.on("exit", () => reject(new Error(`tcpdump ended in ${name}`)));
      });
      agents.set(id, await startAgent(name, agentFile, network, id));
    }
    if (process.env["KNET_LAB_DEBUG"]) console.error("built");
    const results = await Promise.all(probes.map((probe) => agents.get(probe.netns)?.probe(probe)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const dump of dumps) dump.kill("SIGINT");
    await Promise.all(
      dumps.map((dump) => new Promise((resolve) => (dump.exitCode === null ? dump.on("exit", resolve) : resolve(0)))),
    );
    return judge(network, labPlan, folder, probes, results, agents);
  } finally {
    for (const agent of agents.values()) agent.stop();
    for (const dump of dumps) dump.kill("SIGKILL");
    spawnSync("sh", ["-c", labPlan.down.join("\n")]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(labPlan: LabPlan, folder: string): void {
  const script = [
    "set -e",
    "KNET_IPTABLES=$(command -v iptables-legacy-restore || command -v iptables-restore)",
    "KNET_IPTABLES6=$(command -v ip6tables-legacy-restore || command -v ip6tables-restore)",
    ...labPlan.up.map((command) => command.replace("$KNET_IPTABLES6", "$KNET_IPTABLES6")),
  ];
  const file = join(folder, "lab.sh");
  writeFileSync(file, `${script.join("\n")}\n`);
  const result = spawnSync("bash", [file], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`the lab cannot be built: ${result.stderr}`);
}

interface Agent {
  probe(probe: LabProbe): Promise<ProbeResult>;
  readonly accepted: Map<number, string>;
  stop(): void;
}
interface ProbeResult {
  readonly result: "answered" | "error" | "timeout";
  readonly errno?: string;
  readonly text?: string;
}

async function startAgent(name: string, file: string, network: Network, id: NetnsId): Promise<Agent> {
  const child = spawn("ip", ["netns", "exec", name, process.execPath, file]);
  child.stderr.pipe(process.stderr);
  const waiting = new Map<number, (result: ProbeResult) => void>();
  const accepted = new Map<number, string>();
  const sockets = (network.netns(id)?.sockets ?? []).filter(
    (socket) => socket.proto !== "sctp" && !socket.process.includes("(kernel)") && socket.process !== "flanneld",
  );
  let missing = sockets.length;
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const message = JSON.parse(text) as {
        ready?: boolean;
        listening?: number;
        id?: number;
        accepted?: string;
        port?: number;
      } & ProbeResult;
      if (message.ready) {
        for (const socket of sockets)
          child.stdin.write(
            `${JSON.stringify({ listen: { proto: socket.proto, port: socket.port, ...(socket.address === undefined ? {} : { address: formatIp(socket.address) }) } })}\n`,
          );
        if (missing === 0) resolve();
      } else if (message.listening !== undefined) {
        missing -= 1;
        if (missing === 0) resolve();
      } else if (message.accepted !== undefined && message.accepted !== "") {
        accepted.set(message.port ?? 0, message.accepted);
      } else if (message.id !== undefined) {
        waiting.get(message.id)?.(message);
      }
    });
  });
  return {
    accepted,
    probe: (probe) =>
      new Promise((resolve) => {
        waiting.set(probe.sport, resolve);
        const { proto, dst, dport, sport, size, df } = probe;
        child.stdin.write(
          `${JSON.stringify({ probe: { id: sport, proto, dst, dport, sport, size, df, wait: PATIENCE } })}\n`,
        );
      }),
    stop: () => {
      child.kill("SIGKILL");
    },
  };
}

function judge(
  network: Network,
  labPlan: LabPlan,
  folder: string,
  probes: readonly LabProbe[],
  results: readonly (ProbeResult | undefined)[],
  agents: ReadonlyMap<NetnsId, Agent>,
): LabOutcome[] {
  const ports = new Set<number>();
  for (const id of labPlan.names.keys())
    for (const device of network.netns(id)?.devices.values() ?? []) if (device.kind === "vxlan") ports.add(device.port);
  const byFlow = new Map<number, { time: bigint; text: string }[]>();
  for (const [id, name] of labPlan.names) {
    const links = JSON.parse(execFileSync("ip", ["-n", name, "-json", "link"], { encoding: "utf8" })) as {
      ifindex: number;
      ifname: string;
    }[];
    const names = new Map(links.map((link) => [link.ifindex, link.ifname]));
    for (const crossing of readCapture(readFileSync(join(folder, `${name}.pcap`)), ports)) {
      const flow = crossing.ports?.find((port) => port >= FIRST_PORT && port < FIRST_PORT + 10000);
      if (flow === undefined) continue;
      const tcp = crossing.headers.find((header) => header.kind === "tcp");
      // Only the first exchange: not the acknowledgement, nor the reset by which the prober hangs up.
      if (
        tcp?.kind === "tcp" &&
        tcp.flags !== undefined &&
        tcp.flags !== "SYN" &&
        tcp.flags !== "SYN,ACK" &&
        !(tcp.flags.startsWith("RST") && tcp.dport === flow)
      )
        continue;
      const text = line(id, names.get(crossing.ifindex) ?? "?", crossing.direction, crossing.headers);
      const list = byFlow.get(flow) ?? [];
      byFlow.set(flow, list);
      if (!list.some((one) => one.text === text)) list.push({ time: crossing.time, text });
    }
  }
  return probes.map((probe, i) => {
    const seen = (byFlow.get(probe.sport) ?? [])
      .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
      .map((one) => one.text);
    const result = results[i];
    const receiver = [...agents.values()]
      .map((agent) => agent.accepted.get(probe.sport))
      .find((one) => one !== undefined);
    const difference = compare(probe.trace, {
      lines: seen,
      result: result?.result ?? "timeout",
      errno: probe.proto === "icmp" ? undefined : result?.errno,
      receiver,
    });
    return { probe, difference, seen };
  });
}

export const FIRST_PORT = 20000;
