/** Two sites with a router each, connected over a provider's router; `tunnel`: the statements of the tunnel between the routers. */
export function twoSites(tunnel: string, parts: { readonly isp?: string; readonly kind?: string } = {}): string {
  const { isp = "", kind = "wireguard" } = parts;
  return `segment office { cidr 10.1.0.0/24; gateway hq }
segment lab { cidr 10.2.0.0/24; gateway branch }
segment wan-a { cidr 203.0.113.0/30 }
segment wan-b { cidr 198.51.100.0/30 }
router hq { attach office 10.1.0.1; attach wan-a 203.0.113.2; route default via 203.0.113.1 }
router branch { attach lab 10.2.0.1; attach wan-b 198.51.100.2; route default via 198.51.100.1 }
router isp { attach wan-a 203.0.113.1; attach wan-b 198.51.100.1${isp === "" ? "" : `; ${isp}`} }
host laptop { attach office 10.1.0.10 }
host server { attach lab 10.2.0.10 }
tunnel vpn ${kind} {
  between hq branch
  ${tunnel.replace(/; /g, "\n  ")}
}
`;
}

export const CARRIED = "carries 10.1.0.0/24 to hq; carries 10.2.0.0/24 to branch";
