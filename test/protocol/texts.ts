/** Topologies shared by the protocol tests. */

export const TWO_NODES = `segment lan {
  cidr 192.168.10.0/24
}
router edge { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel {
    backend vxlan
  }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace shop {
    pod web on n1 {
      container nginx { listen 8080/tcp }
    }
    deployment api replicas 2 {
      container api { listen 9090/tcp }
    }
  }
}
expect shop/web -> shop/api-1:9090 reachable
`;

/** The position `inside` characters after the start of a substring. */
export function positionOf(text: string, piece: string, inside = 0): { line: number; character: number } {
  const at = text.indexOf(piece);
  if (at < 0) throw new Error(`"${piece}" is not in the text`);
  const before = text.slice(0, at + inside).split("\n");
  return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}

export function rangeOf(text: string, piece: string) {
  return { start: positionOf(text, piece), end: positionOf(text, piece, piece.length) };
}
