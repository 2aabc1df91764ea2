/** The topologies that examples about lost replies share. */

/** A cluster, and a host on another segment. `cni`: of the cluster; `router`: statements of the router between them. */
export function farHost(cni: string, router = ""): string {
  return `segment lan { cidr 192.168.10.0/24; gateway gw }
segment far { cidr 192.168.20.0/24; gateway gw }
router gw {
  attach lan 192.168.10.1
  attach far 192.168.20.1${router === "" ? "" : `\n  ${router}`}
}
host db { attach far 192.168.20.9; listen 5432/tcp }
cluster prod {
  pods 10.244.0.0/16
  ${cni}
  node n1 { attach lan 192.168.10.11 }
  pod a on n1
}
`;
}
