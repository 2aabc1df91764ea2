/** The topologies that most examples of the catalog share. */

const indented = (text: string): string => text.trim().replace(/\n/g, "\n  ");

/** Two nodes in one segment with one pod each; `cni` and `inside` are statements of the cluster. */
export function twoNodes(cni: string, inside = ""): string {
  const more = inside === "" ? "" : `\n  ${indented(inside)}`;
  return `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  ${indented(cni)}${more}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;
}

/**
 * The same topology with the nodes in two racks, connected by a router; `parts` adds statements to the router and the
 * nodes.
 */
export function twoRacks(
  cni: string,
  parts: { readonly router?: string; readonly n1?: string; readonly n2?: string } = {},
): string {
  const line = (text: string | undefined): string => (text === undefined ? "" : `; ${text}`);
  return `segment rack-a { cidr 192.168.10.0/24; gateway tor }
segment rack-b { cidr 192.168.20.0/24; gateway tor }
router tor {
  attach rack-a 192.168.10.1
  attach rack-b 192.168.20.1${parts.router === undefined ? "" : `\n  ${indented(parts.router)}`}
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  ${indented(cni)}
  node n1 { attach rack-a 192.168.10.11${line(parts.n1)} }
  node n2 { attach rack-b 192.168.20.12${line(parts.n2)} }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;
}

/**
 * Two nodes that peer with their router. `router`: its statements; `settings`: additional statements in `cni calico`.
 */
export const bgpPeering = (router: string, settings = ""): string => `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor {
  attach lan 192.168.10.1
  ${router}
}
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico {
    pool default
    node-to-node-mesh false
    peer tor {
      peer-ip 192.168.10.1
      as-number 64513
    }${settings}
  }
  nodes n 1..2 { attach lan }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;
