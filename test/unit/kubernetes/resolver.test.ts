/** The name servers of pods: kubelet's cluster DNS, and NodeLocal DNSCache. */
import { expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { type Sample, sample } from "../cni/samples.ts";

const NAME = "api.shop.svc.cluster.local";

function query({ topology, network }: Sample): { readonly to: string | undefined; readonly end: string | undefined } {
  const answer = ask({ topology, network, locate: () => undefined }, { from: "client", to: NAME, port: 80 });
  if (!answer.ok) return { to: answer.error, end: undefined };
  const [path] = answer.trace.lookup?.paths ?? [];
  const header = path?.hops.find(({ packet }) => packet)?.packet?.headers.find(({ kind }) => kind === "ip");
  return { to: header?.kind === "ip" ? header.dst : undefined, end: path?.hops.at(-1)?.netns };
}

function addressesOf({ netns }: Sample): readonly string[] {
  const device = netns("prod/n1").devices.get("nodelocaldns");
  return (device?.addresses ?? []).map(({ ip }) => formatIp(ip));
}

it("pods query kube-dns; node-cache on their node has its address", () => {
  const cached = sample("node-local-dns");
  expect(addressesOf(cached)).toEqual(["169.254.20.10", "10.96.0.10"]);
  expect(query(cached)).toEqual({ to: "10.96.0.10", end: "prod/n1" });
  const plain = sample("node-local-dns", (text) => text.replace("  node-local-dns 169.254.20.10\n", ""));
  expect(addressesOf(plain)).toEqual([]);
  expect(query(plain)).toEqual({ to: "10.96.0.10", end: "prod/kube-system/coredns" });
});

it("in ipvs mode, node-cache has only its own address, which kubelet must use", () => {
  const ipvs = (text: string): string => text.replace("kube-proxy iptables", "kube-proxy ipvs");
  const used = (text: string): string =>
    ipvs(text).replace("  node-local-dns 169", "  cluster-dns 169.254.20.10\n  node-local-dns 169");
  expect(addressesOf(sample("node-local-dns", ipvs))).toEqual(["169.254.20.10"]);
  expect(query(sample("node-local-dns", ipvs)).end).toBe("prod/kube-system/coredns");
  expect(query(sample("node-local-dns", used))).toEqual({ to: "169.254.20.10", end: "prod/n1" });
});

it("the default address is 169.254.20.10", () => {
  const { netns } = sample("node-local-dns", (text) => text.replace("node-local-dns 169.254.20.10", "node-local-dns"));
  const rules = netns("prod/n1").netfilter.chain(4, "raw", "PREROUTING")?.rules ?? [];
  expect(rules.map((rule) => ruleText(rule, 4))).toEqual([
    "-d 169.254.20.10/32 -p udp -m udp --dport 53 -j NOTRACK",
    "-d 169.254.20.10/32 -p tcp -m tcp --dport 53 -j NOTRACK",
    "-d 10.96.0.10/32 -p udp -m udp --dport 53 -j NOTRACK",
    "-d 10.96.0.10/32 -p tcp -m tcp --dport 53 -j NOTRACK",
  ]);
});

it("without a name server, the name is not resolved", () => {
  const lost = sample("node-local-dns", (text) =>
    text.replace("node-local-dns 169.254.20.10", "cluster-dns 10.96.0.99"),
  );
  const answer = ask(
    { topology: lost.topology, network: lost.network, locate: () => undefined },
    { from: "client", to: NAME, port: 80 },
  );
  expect(answer.ok && answer.trace.notes?.join()).toContain("no DNS response from 10.96.0.99");
});
