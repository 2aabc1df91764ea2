/** The cluster of the examples of policy checks. */

/** The cluster with an engine that enforces admin policies, and the statements `inside` in the cluster's block. */
export function inCluster(inside: string): string {
  return shop("", { cluster: inside, engine: "network-policy calico" });
}

/** Two nodes, a policy engine, and a namespace `shop` with the pods web, api, and db and the statements `inside`. */
export function shop(inside: string, parts: { readonly cluster?: string; readonly engine?: string } = {}): string {
  const { cluster = "", engine = "network-policy kube-router" } = parts;
  const more = [engine, cluster]
    .filter((text) => text !== "")
    .map((text) => `\n  ${text.trim().replace(/\n/g, "\n  ")}`);
  return `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }${more.join("")}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace shop {
    pod web on n1 { labels app=web; listen 80/tcp as http }
    pod api on n2 { labels app=api; listen 9090/tcp as http }
    pod db on n2 { labels app=db; listen 5432/tcp }
    ${inside.trim().replace(/\n/g, "\n    ")}
  }
}
`;
}
