/** A tunnel whose outer packets are routed into the tunnel: no packet is delivered, and the simulation terminates. */
import { expect, test } from "vitest";
import { sampleOf } from "../cni/samples.ts";

test("Weave's range contains the node addresses, and the nodes have no other route to each other", () => {
  const { walk } = sampleOf(`segment machines
cluster prod {
  services 10.96.0.0/12
  cni weave
  node n1 { attach machines 10.40.0.11 }
  node n2 { attach machines 10.40.0.12 }
  pod a on n1
  pod b on n2
}
`);
  expect(walk("prod/n1", "10.40.0.12").verdict).not.toBe("delivered");
});
