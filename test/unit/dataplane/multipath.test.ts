/** ECMP: a machine hashes source and destination, so an address pair always uses the same path (fib_multipath_hash_policy 0). */
import { expect, test } from "vitest";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { ip } from "../cni/fixture.ts";
import { sampleOf } from "../cni/samples.ts";

test("a looping packet always uses the same next hop: 2 paths, not 2 to the power of the rounds", () => {
  const { network } = sampleOf(`segment lan { cidr 10.0.0.0/24 }
segment core { cidr 10.0.1.0/24 }
router r { attach lan 10.0.0.1; attach core 10.0.1.1; route 10.9.0.0/16 via 10.0.1.2 10.0.1.3 }
router a { attach core 10.0.1.2; route 10.9.0.0/16 via 10.0.1.1 }
router b { attach core 10.0.1.3; route 10.9.0.0/16 via 10.0.1.1 }
host h { attach lan 10.0.0.10 }
`);
  const journeys = simulate(network, {
    from: "h",
    dst: ip("10.9.0.1"),
    proto: "udp",
    sport: 40000,
    dport: 9,
    df: false,
  });
  expect(journeys.map(({ verdict, probability }) => [verdict, probability])).toEqual([
    ["looped", 0.5],
    ["looped", 0.5],
  ]);
  for (const { steps } of journeys) {
    const met = new Set(steps.map(({ netns }) => netns).filter((one) => one === "a" || one === "b"));
    expect(met.size).toBe(1);
  }
});
