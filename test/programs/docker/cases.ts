/** Hosts with Docker. */
export interface DockerCase {
  /** The file, or a description. */
  readonly name: string;
  readonly text: string;
}

const VARIANTS: Readonly<Record<string, readonly [cni: string, options?: Options]>> = {
  default: ["docker"],
  "published ports": ["docker", { ports: true }],
  "own ranges and published ports": ["docker", { ports: true, bridges: true }],
  "without masquerading": ["docker { ip-masq false }", { ports: true }],
  "forwarding enabled before": ["docker { forward-policy accept }", { bridges: true }],
  MTU: ["docker { mtu 1400 }"],
};

interface Options {
  readonly ports?: boolean;
  readonly bridges?: boolean;
}

export const CASES: readonly DockerCase[] = Object.entries(VARIANTS).map(([name, [cni, options]]) => ({
  name,
  text: textOf(cni, options ?? {}),
}));

function textOf(cni: string, { ports = false, bridges = false }: Options): string {
  const published = (port: number): string => (ports ? ` host-port ${port}` : "");
  const bridge = (i: number): string => (bridges ? `; docker-bridge 172.20.${i}.1/24` : "");
  return `segment lan { cidr 192.168.10.0/24; gateway router }
router router { attach lan 192.168.10.1 }
cluster hosts {
  cni ${cni}
  node host1 { attach lan 192.168.10.11${bridge(1)} }
  node host2 { attach lan 192.168.10.12${bridge(2)} }
  pod web on host1 { container c { listen 8080/tcp${published(80)}; listen 53/udp${published(53)} } }
  pod db on host1 { container c { listen 5432/tcp${published(5432)} } }
  pod cache on host2 { container c { listen 6379/tcp } }
}
`;
}
