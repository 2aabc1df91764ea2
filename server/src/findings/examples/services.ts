/** The cluster of the examples of service checks: nodes n1 and n2, a pod of `api` on each, and a pod `web` on n1. */
export function shop(inside: string, cluster = ""): string {
  const lines = (text: string, by: string): string =>
    text === "" ? "" : `${by}${text.trim().replace(/\n/g, `\n${by}`)}\n`;
  return `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni flannel { backend vxlan }
${lines(cluster, "  ")}  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace shop {
    deployment api replicas 2 {
      labels app=api
      listen 9090/tcp as http
    }
    pod web on n1 { labels app=web; listen 8080/tcp }
${lines(inside, "    ")}  }
}
`;
}

export function service(lines: string, select = "app=api", port = "80 -> 9090"): string {
  return `service api {
  select ${select}
  port ${port}
${lines === "" ? "" : `  ${lines}\n`}}`;
}
