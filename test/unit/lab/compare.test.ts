/** Compares prediction and observation on a real trace: agreement, and the text for each difference. */
import { describe, expect, it } from "vitest";
import { type LabProbe, namespacesOf, questionsOf } from "../../../server/src/cli/lab-ask.ts";
import { diskService } from "../../../server/src/cli/open.ts";
import { compare, line, type Observation } from "../../../server/src/lab/compare.ts";
import { schedule } from "../../../server/src/lab/schedule.ts";

const FILE = "samples/k1.knet";

function probes(random: number, seed: number): readonly LabProbe[] {
  const analysis = diskService().analysisOf(FILE);
  if (!analysis) throw new Error(FILE);
  const ids = namespacesOf(analysis.topology, 100, 100);
  return questionsOf(analysis, ids, { random, seed, expectations: true }, new Set()).probes;
}

function asPredicted({ trace }: LabProbe): Observation {
  const path = trace.paths[0];
  const hops = [...(path?.hops ?? []), ...(path?.reply?.hops ?? [])];
  const lines = hops.flatMap((hop) =>
    hop.direction === null ? [] : [line(hop.netns, hop.device, hop.direction, hop.packet.headers)],
  );
  const receiver = path?.receiver?.src;
  return { lines, result: trace.answered ? "answered" : "timeout", errno: undefined, icmp: undefined, receiver };
}

const first = probes(0, 1).find(({ label }) => label === "p1/c1.1 -> p2/c2.1:8080 reachable");

describe("a comparison", () => {
  if (!first) throw new Error("no probe");
  const seen = asPredicted(first);

  it("agrees with what was predicted", () => {
    expect(compare(first.trace, seen)).toBeUndefined();
  });

  it.each([
    [
      "a device that was not crossed",
      { lines: seen.lines.filter((one) => !one.includes("k1/n1 eth0 out")) },
      /crossing \d+: predicted k1\/n1 eth0 out/,
    ],
    ["an extra crossing", { lines: [...seen.lines, "k1/n1 lo out …"] }, /predicted nothing, observed k1\/n1 lo out/],
    [
      "a different TTL",
      { lines: seen.lines.map((one) => one.replace("ttl=62", "ttl=61")) },
      /ttl=62.*observed.*ttl=61/,
    ],
    ["a timeout", { result: "timeout" }, /predicted a reply, observed timeout at the sender/],
    [
      "a different source",
      { receiver: "192.168.1.2" },
      /predicted source 10\.1\.1\.1, the receiver saw 192\.168\.1\.2/,
    ],
    ["an error", { result: "error", errno: "ECONNREFUSED" }, /observed ECONNREFUSED at the sender/],
  ] as const)("names %s", (_, change, sentence) => {
    expect(compare(first.trace, { ...seen, ...change })?.text).toMatch(sentence);
  });
});

describe("a multicast packet", () => {
  const service = diskService();
  service.setText(
    "a.knet",
    `segment lan { cidr 10.0.0.0/24; gateway r }
router r { attach lan 10.0.0.1 }
host a { attach lan 10.0.0.11 }
expect a -> 239.1.2.3:5000/udp blocked
expect a -> 239.1.2.3:5000 blocked
`,
  );
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("no analysis");
  const ids = namespacesOf(analysis.topology, 9, 9);
  const [udp, tcp] = questionsOf(analysis, ids, { random: 0, seed: 1, expectations: true }, new Set()).probes;
  if (!udp || !tcp) throw new Error("no probes");
  const sent = asPredicted(udp);
  const [out = ""] = sent.lines;
  const entering = out.replace("a eth0 out", "r eth0 in");

  it("enters the other machines on the link, which is not compared", () => {
    expect(udp.trace.paths[0]?.reason?.message).toBe(
      "host a sends one multicast frame to all machines on the link of eth0; members of 239.1.2.3 are not simulated",
    );
    expect(compare(udp.trace, { ...sent, lines: [out, entering] })).toBeUndefined();
  });

  it("is compared at the sender", () => {
    expect(compare(udp.trace, { ...sent, lines: [entering] })?.text).toMatch(
      /predicted a eth0 out .*, observed nothing/,
    );
    expect(compare(udp.trace, { ...sent, lines: [out, out] })?.text).toMatch(/predicted nothing, observed a eth0 out/);
    const refused = { ...asPredicted(tcp), errno: "ENETUNREACH", result: "error" } as const;
    expect(compare(tcp.trace, refused)).toBeUndefined();
    expect(compare(tcp.trace, { ...refused, lines: [entering] })?.text).toMatch(
      /predicted nothing, observed r eth0 in/,
    );
  });
});

describe("random packets", () => {
  it("are the same for the same seed and differ for different seeds", () => {
    const text = (seed: number): string[] => probes(20, seed).map(({ label, sport }) => `${label} ${sport}`);
    expect(text(7)).toEqual(text(7));
    expect(text(7)).not.toEqual(text(8));
  });

  it("that could learn a path MTU from each other are in different rounds", () => {
    const rounds = schedule(probes(200, 1).map((probe) => ({ ...probe, dst: String(probe.dst) })));
    expect(rounds.length).toBeGreaterThan(1);
    for (const round of rounds) {
      const sized = round.filter(({ item }) => item.size !== undefined).map(({ item }) => `${item.from} ${item.dst}`);
      expect(new Set(sized).size).toBe(sized.length);
    }
  });

  it("that are too big for a tunnel teach its path MTU to packets of other senders", () => {
    const [one, two] = probes(2, 1);
    const path = one?.trace.paths[0];
    const last = path?.hops.at(-1);
    if (!one || !two || !path || !last) throw new Error("no probes");
    const { reply: _, ...sent } = path;
    const hops = sent.hops.filter(({ action }) => action !== "encapsulate");
    const reason = { code: "too-big", message: "" };
    const forwarded = { ...one, size: 1401, trace: { ...one.trace, paths: [{ ...sent, hops, reason }] } };
    const local = { ...forwarded, from: `not ${one.from}`, sport: two.sport };
    const rounds = schedule([forwarded, local].map((probe) => ({ ...probe, dst: String(probe.dst) })));
    expect(rounds.map((round) => round.map(({ item }) => item.sport))).toEqual([[one.sport], [two.sport]]);
  });

  it("that require a missing neighbor entry are sent first", () => {
    const [one, two] = probes(2, 1);
    if (!one || !two) throw new Error("no probes");
    const asks = [two, { ...one, unlessAsked: true }].map((probe) => ({ ...probe, dst: String(probe.dst) }));
    expect(schedule(asks).map((round) => round.map(({ item }) => item.sport))).toEqual([[one.sport], [two.sport]]);
  });

  it("that expect an ICMP error of a router are delayed after fragments used up its rate limit", () => {
    const [one, two] = probes(2, 1);
    const path = one?.trace.paths[0];
    const last = path?.hops.at(-1);
    if (!one || !two || !path || !last) throw new Error("no probes");
    const { reply: _, ...sent } = path;
    const reason = { code: "no-route", message: "", netns: last.netns };
    const refused = { ...one, proto: "icmp" as const, trace: { ...one.trace, paths: [{ ...sent, reason }] } };
    const delays = (size: number | undefined): readonly number[] =>
      schedule([{ ...refused, size }, refused].map((probe) => ({ ...probe, dst: String(probe.dst) })))
        .flat()
        .map(({ delay }) => delay);
    expect(delays(undefined)).toEqual([0, 0]);
    expect(delays(9000)[1]).toBeGreaterThan(2);
  });

  it("that expect an ICMP error of a router are delayed after neighbor requests in a tunnel used up its rate limit", () => {
    const [one, two] = probes(2, 1);
    const path = one?.trace.paths[0];
    const last = path?.hops.at(-1);
    const header = last?.packet.headers.find(({ kind }) => kind === "ip");
    if (!one || !two || !path || !last || header?.kind !== "ip") throw new Error("no probes");
    const { reply: _, ...sent } = path;
    const reason = { code: "no-route", message: "", netns: last.netns };
    const refused = { ...one, trace: { ...one.trace, paths: [{ ...sent, reason }] } };
    const delays = (refusedQuestions: readonly string[]): number[] =>
      schedule([refused, { ...two, refusedQuestions }].map((probe) => ({ ...probe, dst: String(probe.dst) })))
        .flat()
        .map(({ delay }) => delay);
    expect(delays([])).toEqual([0, 0]);
    const [waiting, asking] = delays(Array.from({ length: 3 }, () => `${last.netns} ${header.src}`));
    expect(waiting).toBeGreaterThan(2);
    expect(asking).toBe(0);
  });
});

describe("labels of expectations", () => {
  it("contain the first port of a service if the expectation has no port", () => {
    const service = diskService();
    service.setText(
      "a.knet",
      `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan }
  pod web { labels app=web; listen 53/udp }
  service dns { select app=web; port 53/udp }
}
expect n1 -> dns reachable
expect n1 -> web reachable
`,
    );
    const analysis = service.analysisOf("a.knet");
    if (!analysis) throw new Error("no analysis");
    const ids = namespacesOf(analysis.topology, 9, 9);
    const { probes } = questionsOf(analysis, ids, { random: 0, seed: 1, expectations: true }, new Set());
    expect(probes.map(({ label }) => label)).toEqual(["n1 -> dns:53 udp reachable", "n1 -> web icmp reachable"]);
  });
});
