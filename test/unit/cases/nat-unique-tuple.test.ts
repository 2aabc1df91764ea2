/** External IPs that are node addresses: two nodes can bounce a packet, but each bounce is a new random choice. */
import { describe, expect, test } from "vitest";
import { check } from "../checks/harness.ts";
import { textOf, traceOf } from "./kernel-trace.ts";

const BOUNCE = `segment lan { cidr 203.0.113.0/24; gateway r }
router r { attach lan 203.0.113.254 }
cluster k {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 203.0.113.1 }
  node n2 { attach lan 203.0.113.2 }
  daemonset web { labels app=web; host-network; listen 80 }
  service web { select app=web; external-ip 203.0.113.1 203.0.113.2; port 80 }
}
expect r -> 203.0.113.1:80 reachable
`;

describe("a packet that bounces between two nodes", () => {
  const trace = traceOf(BOUNCE, "r", "203.0.113.1", { port: 80 });

  test("each bounce has a new source port and halves the probability; the endless bounce (2⁻⁶⁰) is omitted", () => {
    const likely = trace.paths.map(({ probability }) => probability).sort((a, b) => b - a);
    expect(likely.slice(0, 5)).toEqual([0.5, 0.25, 0.125, 0.0625, 0.03125]);
    expect(trace.paths.every(({ verdict }) => verdict === "delivered")).toBe(true);
    expect(trace).toMatchObject({ verdict: "delivered", answered: true });
    expect(trace.notes).toContain("paths with a total probability below 0.01% are omitted");
    const ports = new Set(trace.paths.map(({ receiver }) => receiver?.sport));
    expect(ports.size).toBeGreaterThan(3);
  });

  test("text: no path has probability 0%", () => {
    expect(textOf(trace)).not.toMatch(/probability 0%/);
    expect(textOf(trace)).toContain("probability <0.1%");
  });

  test("the expectation passes", () => {
    expect(check(BOUNCE).map(({ code }) => code)).not.toContain("KN701");
  });
});

test("all endpoints of a service are listed in order, with their probabilities", () => {
  const pods = Array.from({ length: 5 }, (_, i) => `  pod p${i} on n1 { labels app=web; listen 80 }`).join("\n");
  const text = BOUNCE.replace(/ {2}daemonset.*\n.*\n/, `${pods}\n  service web { select app=web; port 80 }\n`).replace(
    /expect.*\n/,
    "",
  );
  const { paths } = traceOf(text, "n2", "web", { port: 80 });
  expect(paths.map(({ hops }) => hops.at(-1)?.netns)).toEqual([0, 1, 2, 3, 4].map((i) => `k/default/p${i}`));
  for (const { probability } of paths) expect(probability).toBeCloseTo(0.2);
});
