/** Single edits that change one thing on which results elsewhere depend; `node scripts/mutate.ts` removes such dependencies. */
import { expect, it } from "vitest";
import { typist } from "./edited.ts";

/** The edit and its reversal. */
function checkEdit(text: string, from: string, to: string): void {
  const type = typist(text);
  for (const [a, b] of [
    [from, to],
    [to, from],
  ] as const) {
    type((now) => {
      const start = now.indexOf(a);
      expect(start).toBeGreaterThanOrEqual(0);
      return { start, end: start + a.length, text: b };
    });
  }
}

it.each([
  [
    "whether a host forwards decides which segments are in one routing domain",
    `segment a { cidr 10.0.0.0/24 }
segment m { cidr 10.1.0.0/24 }
segment b { cidr 10.0.0.0/24 }
host h { attach a; attach m; sysctl net.ipv4.ip_forward 0 }
router r { attach m; attach b }
`,
    "ip_forward 0",
    "ip_forward 1",
  ],
  [
    "the length of a node's range",
    `segment a { cidr 10.0.0.0/24 }
cluster c {
  cni bridge
  node n1 { attach a; pod-cidr 10.244.0.0/24 }
  node n2 { attach a; pod-cidr 10.244.1.0/24 }
}
`,
    "10.244.0.0/24",
    "10.244.0.0/23",
  ],
])("%s", (_, text, from, to) => {
  checkEdit(text, from, to);
});
