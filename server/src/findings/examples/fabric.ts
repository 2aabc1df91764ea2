/** Two leaf routers with one host each, connected by two spines. */
export const TWO_SPINES = `segment left { cidr 10.0.1.0/24; gateway l1 }
segment right { cidr 10.0.2.0/24; gateway l2 }
segment p11 { cidr 10.1.1.0/30 }
segment p12 { cidr 10.1.2.0/30 }
segment p21 { cidr 10.2.1.0/30 }
segment p22 { cidr 10.2.2.0/30 }
router l1 {
  attach left 10.0.1.1
  attach p11 10.1.1.1
  attach p12 10.1.2.1
  bgp as 64601 { peer s1 as 64700; peer s2 as 64700; advertise 10.0.1.0/24 10.1.1.0/30 10.1.2.0/30 }
}
router l2 {
  attach right 10.0.2.1
  attach p21 10.2.1.1
  attach p22 10.2.2.1
  bgp as 64602 { peer s1 as 64700; peer s2 as 64700; advertise 10.0.2.0/24 10.2.1.0/30 10.2.2.0/30 }
}
router s1 {
  attach p11 10.1.1.2
  attach p21 10.2.1.2
  bgp as 64700 { peer l1 as 64601; peer l2 as 64602 }
}
router s2 {
  attach p12 10.1.2.2
  attach p22 10.2.2.2
  bgp as 64700 { peer l1 as 64601; peer l2 as 64602 }
}
host a { attach left 10.0.1.10 }
host b { attach right 10.0.2.10 }
`;
