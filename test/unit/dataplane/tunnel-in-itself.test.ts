/** A tunnel whose outer packets would go into the tunnel: nobody ever gets an answer, and the simulator comes to an end. */
import { expect, test } from "vitest";
import { sampleOf } from "../cni/samples.ts";

test("Weave's range holds the nodes, which know no other way to each other", () => {
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
