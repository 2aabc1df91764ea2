/** All checks, causes before consequences: syntax, addresses, capacity, settings, MTU, reachability, expectations. */

import type { AnyCheck, Check, ProblemCheck, ProblemCode } from "../findings/check.ts";
import { addressOutside } from "./addresses/address-outside.ts";
import { aksForbidden } from "./addresses/aks-forbidden.ts";
import { calicoAutodetection } from "./addresses/calico-autodetection.ts";
import { calicoBgpAddress } from "./addresses/calico-bgp-address.ts";
import { calicoBlockOutside } from "./addresses/calico-block-outside.ts";
import { calicoBlockSize } from "./addresses/calico-block-size.ts";
import { calicoIpamConfig } from "./addresses/calico-ipam-config.ts";
import { calicoIpipIpv6 } from "./addresses/calico-ipip-ipv6.ts";
import { calicoPeerConfig } from "./addresses/calico-peer-config.ts";
import { calicoPodCidrIgnored } from "./addresses/calico-pod-cidr-ignored.ts";
import { calicoPoolLinkLocal } from "./addresses/calico-pool-link-local.ts";
import { calicoPoolsOverlap } from "./addresses/calico-pools-overlap.ts";
import { calicoTwoEncapsulations } from "./addresses/calico-two-encapsulations.ts";
import { cloudReserved } from "./addresses/cloud-reserved.ts";
import { deviceUnknown } from "./addresses/device-unknown.ts";
import { dockerCluster } from "./addresses/docker-cluster.ts";
import { dockerSameRange } from "./addresses/docker-same-range.ts";
import { dockerSegment } from "./addresses/docker-segment.ts";
import { duplicates } from "./addresses/duplicates.ts";
import { flannelBackendKey } from "./addresses/flannel-backend-key.ts";
import { flannelBackendMissing } from "./addresses/flannel-backend-missing.ts";
import { flannelConfig } from "./addresses/flannel-config.ts";
import { flannelDeviceName } from "./addresses/flannel-device-name.ts";
import { flannelLeaseOutside } from "./addresses/flannel-lease-outside.ts";
import { flannelNetworkDiffers } from "./addresses/flannel-network-differs.ts";
import { flannelSubnetIgnored } from "./addresses/flannel-subnet-ignored.ts";
import { flannelSubnetOrder } from "./addresses/flannel-subnet-order.ts";
import { gateway } from "./addresses/gateway.ts";
import { gatewayNotAttached } from "./addresses/gateway-not-attached.ts";
import { natSegment } from "./addresses/nat-segment.ts";
import { nextHopFamily } from "./addresses/next-hop-family.ts";
import { nodeFamily } from "./addresses/node-family.ts";
import { nodeRangeOutside } from "./addresses/node-range-outside.ts";
import { nodeRanges } from "./addresses/node-ranges.ts";
import { oneRangePerFamily } from "./addresses/one-range-per-family.ts";
import { podAddressOutside } from "./addresses/pod-address-outside.ts";
import { podsPods } from "./addresses/pods-pods.ts";
import { podsSegment } from "./addresses/pods-segment.ts";
import { podsServices } from "./addresses/pods-services.ts";
import { routeTableSegment } from "./addresses/route-table-segment.ts";
import { segmentFull } from "./addresses/segment-full.ts";
import { segments } from "./addresses/segments.ts";
import { serviceAddressOutside } from "./addresses/service-address-outside.ts";
import { serviceAddressTwice } from "./addresses/service-address-twice.ts";
import { servicesPods } from "./addresses/services-pods.ts";
import { servicesSegment } from "./addresses/services-segment.ts";
import { specialRange } from "./addresses/special.ts";
import { stackedRangeMissing } from "./addresses/stacked-range-missing.ts";
import { stackedRangeOutside } from "./addresses/stacked-range-outside.ts";
import { stackedRangeTaken } from "./addresses/stacked-range-taken.ts";
import { stackedRefused } from "./addresses/stacked-refused.ts";
import { virtualAddressTaken } from "./addresses/virtual-address-taken.ts";
import { weaveRangeOverlaps } from "./addresses/weave-range-overlaps.ts";
import { bgpMeshSize } from "./capacity/bgp-mesh-size.ts";
import { blockSize } from "./capacity/block-size.ts";
import { calicoFewBlocks } from "./capacity/calico-few-blocks.ts";
import { calicoNoBlock } from "./capacity/calico-no-block.ts";
import { cloudRouteLimit } from "./capacity/cloud-route-limit.ts";
import { instanceMaxPods } from "./capacity/instance-max-pods.ts";
import { maxPods } from "./capacity/max-pods.ts";
import { noAddressLeft } from "./capacity/no-address-left.ts";
import { noRangeLeft } from "./capacity/no-range-left.ts";
import { noServiceAddressLeft } from "./capacity/no-service-address-left.ts";
import { scale } from "./capacity/scale.ts";
import { serviceSize } from "./capacity/service-size.ts";
import { sharedRangeFull } from "./capacity/shared-range-full.ts";
import { subnetTooSmall } from "./capacity/subnet-too-small.ts";
import { tooManyNodes } from "./capacity/too-many-nodes.ts";
import { breaksOnFailure } from "./expectations/breaks-on-failure.ts";
import { failed } from "./expectations/failed.ts";
import { notSurviving } from "./expectations/not-surviving.ts";
import { singlePoint } from "./expectations/single-point-of-failure.ts";
import { unclear } from "./expectations/unclear.ts";
import { objectNotRead } from "./import/object-not-read.ts";
import { scalarAmbiguous } from "./import/scalar-ambiguous.ts";
import { sourceIncomplete } from "./import/source-incomplete.ts";
import { sourceInvalid } from "./import/source-invalid.ts";
import { sourcesDisagree } from "./import/sources-disagree.ts";
import { stateDiffers } from "./import/state-differs.ts";
import { stateUnmatched } from "./import/state-unmatched.ts";
import { valueAssumed } from "./import/value-assumed.ts";
import { blackHole } from "./mtu/black-hole.ts";
import { fragmented } from "./mtu/fragmented.ts";
import { interfaceMtu } from "./mtu/interface-mtu.ts";
import { ipv6Minimum } from "./mtu/ipv6-minimum.ts";
import { mixedMtus } from "./mtu/mixed-mtus.ts";
import { outsideBlackHole } from "./mtu/outside-black-hole.ts";
import { tooBig } from "./mtu/too-big.ts";
import { tunnelClamped } from "./mtu/tunnel-clamped.ts";
import { blockBehindNat } from "./policies/block-behind-nat.ts";
import { blockOfPods } from "./policies/block-of-pods.ts";
import { closesIngress } from "./policies/closes-ingress.ts";
import { dnsBeforeIpvs } from "./policies/dns-before-ipvs.ts";
import { emptyPeer } from "./policies/empty-peer.ts";
import { equalPriority } from "./policies/equal-priority.ts";
import { exceptOutside } from "./policies/except-outside.ts";
import { namedPort } from "./policies/named-port.ts";
import { namedPortOfAddress } from "./policies/named-port-of-address.ts";
import { noDns } from "./policies/no-dns.ts";
import { noEngine } from "./policies/no-engine.ts";
import { otherSide } from "./policies/other-side.ts";
import { peerMixed } from "./policies/peer-mixed.ts";
import { peerNothing } from "./policies/peer-nothing.ts";
import { peerUnsupported } from "./policies/peer-unsupported.ts";
import { ruleShadowed } from "./policies/rule-shadowed.ts";
import { ruleWithoutPeer } from "./policies/rule-without-peer.ts";
import { selectsNothing } from "./policies/selects-nothing.ts";
import { policyServicePort } from "./policies/service-port.ts";
import { typesContradict } from "./policies/types-contradict.ts";
import { acl } from "./reachability/acl.ts";
import { backendsDiffer } from "./reachability/backends-differ.ts";
import { bgpAsNumber } from "./reachability/bgp-as-number.ts";
import { bgpBlocked } from "./reachability/bgp-blocked.ts";
import { bgpLoop } from "./reachability/bgp-loop.ts";
import { bgpNobody } from "./reachability/bgp-nobody.ts";
import { bgpNotAdvertised } from "./reachability/bgp-not-advertised.ts";
import { bgpOneSided } from "./reachability/bgp-one-sided.ts";
import { bgpRoutesMissing } from "./reachability/bgp-routes-missing.ts";
import { calicoAddressTwice } from "./reachability/calico-address-twice.ts";
import { calicoMasksDiffer } from "./reachability/calico-masks-differ.ts";
import { calicoNoDefaultRoute } from "./reachability/calico-no-default-route.ts";
import { calicoPrefixSpans } from "./reachability/calico-prefix-spans.ts";
import { familiesDiffer } from "./reachability/families-differ.ts";
import { flannelIface } from "./reachability/flannel-iface.ts";
import { flannelNoDefault } from "./reachability/flannel-no-default.ts";
import { flannelNoIpv6 } from "./reachability/flannel-no-ipv6.ts";
import { forwardingOff } from "./reachability/forwarding-off.ts";
import { leak } from "./reachability/leak.ts";
import { noMasquerade } from "./reachability/no-masquerade.ts";
import { noPodNetwork } from "./reachability/no-pod-network.ts";
import { nodeUnreachable } from "./reachability/node-unreachable.ts";
import { nodesUnreachable } from "./reachability/nodes-unreachable.ts";
import { ownNodeBlocked } from "./reachability/own-node-blocked.ts";
import { peersOffLink } from "./reachability/peers-off-link.ts";
import { podNat } from "./reachability/pod-nat.ts";
import { podsUnreachable } from "./reachability/pods-unreachable.ts";
import { podsWithoutExit } from "./reachability/pods-without-exit.ts";
import { protocolRefused } from "./reachability/protocol-refused.ts";
import { publicIp } from "./reachability/public-ip.ts";
import { publicIpForeign } from "./reachability/public-ip-foreign.ts";
import { publicIpTwice } from "./reachability/public-ip-twice.ts";
import { replyBypassesNat } from "./reachability/reply-bypasses-nat.ts";
import { replyDroppedByRule } from "./reachability/reply-dropped-by-rule.ts";
import { replyNoRoute } from "./reachability/reply-no-route.ts";
import { replyOtherNetwork } from "./reachability/reply-other-network.ts";
import { replyRpFilter } from "./reachability/reply-rp-filter.ts";
import { routeDevice } from "./reachability/route-device.ts";
import { routeExists } from "./reachability/route-exists.ts";
import { routeGateway } from "./reachability/route-gateway.ts";
import { routeSource } from "./reachability/route-source.ts";
import { rpFilter } from "./reachability/rp-filter.ts";
import { ruleUnreachable } from "./reachability/rule-unreachable.ts";
import { securityGroup } from "./reachability/security-group.ts";
import { sourceCheck } from "./reachability/source-check.ts";
import { stackedApart } from "./reachability/stacked-apart.ts";
import { tableEmpty } from "./reachability/table-empty.ts";
import { tableUnused } from "./reachability/table-unused.ts";
import { tunnelDiffers } from "./reachability/tunnel-differs.ts";
import { tunnelDown } from "./reachability/tunnel-down.ts";
import { tunnelIncomplete } from "./reachability/tunnel-incomplete.ts";
import { tunnelMtu } from "./reachability/tunnel-mtu.ts";
import { tunnelOverlap } from "./reachability/tunnel-overlap.ts";
import { tunnelRecursive } from "./reachability/tunnel-recursive.ts";
import { wrongSourceAddress } from "./reachability/wrong-source-address.ts";
import { aliases } from "./services/alias.ts";
import { balancerArp } from "./services/balancer-arp.ts";
import { balancerNowhere } from "./services/balancer-nowhere.ts";
import { bridgeNetfilter } from "./services/bridge-netfilter.ts";
import { clusterDns } from "./services/cluster-dns.ts";
import { hairpinOff } from "./services/hairpin-off.ts";
import { hostPortTwice } from "./services/host-port-twice.ts";
import { ingressBackend } from "./services/ingress-backend.ts";
import { localWithoutEndpoint } from "./services/local-without-endpoint.ts";
import { noProxy } from "./services/no-proxy.ts";
import { noServiceRoute } from "./services/no-route.ts";
import { nodePortRange } from "./services/node-port-range.ts";
import { nodePortTwice } from "./services/node-port-twice.ts";
import { nodePortsEphemeral } from "./services/node-ports-ephemeral.ts";
import { noneReady } from "./services/not-ready.ts";
import { servicePorts } from "./services/ports.ts";
import { proxyClusterCidr } from "./services/proxy-cluster-cidr.ts";
import { serviceSelectsNothing } from "./services/selects-nothing.ts";
import { targetClosed } from "./services/target-closed.ts";
import { targetUnnamed } from "./services/target-unnamed.ts";
import { ambiguousName } from "./syntax/ambiguous-name.ts";
import { configuration } from "./syntax/configuration.ts";
import { hostBits } from "./syntax/host-bits.ts";
import { importFailed } from "./syntax/import-failed.ts";
import { misplacedKeyword } from "./syntax/misplaced-keyword.ts";
import { missingArgument } from "./syntax/missing-argument.ts";
import { missingBlock } from "./syntax/missing-block.ts";
import { missingStatement } from "./syntax/missing-statement.ts";
import { nameTwice } from "./syntax/name-twice.ts";
import { numberRange } from "./syntax/number-range.ts";
import { parse } from "./syntax/parse.ts";
import { repeatedStatement } from "./syntax/repeated-statement.ts";
import { silenceUnclear } from "./syntax/silence-unclear.ts";
import { silenceUnused } from "./syntax/silence-unused.ts";
import { unexpectedArgument } from "./syntax/unexpected-argument.ts";
import { unexpectedBlock } from "./syntax/unexpected-block.ts";
import { unknownKeyword } from "./syntax/unknown-keyword.ts";
import { unknownName } from "./syntax/unknown-name.ts";
import { wrongType } from "./syntax/wrong-type.ts";

/** By code, in order of evaluation. The compiler requires a check for each problem of the lower layers, under its own code. */
const checks = {
  KN001: parse,
  KN002: unknownKeyword,
  KN003: misplacedKeyword,
  KN004: missingArgument,
  KN005: unexpectedArgument,
  KN006: wrongType,
  KN007: numberRange,
  KN008: repeatedStatement,
  KN009: missingBlock,
  KN010: unexpectedBlock,
  KN011: missingStatement,
  KN012: unknownName,
  KN013: nameTwice,
  KN014: hostBits,
  KN015: importFailed,
  KN016: ambiguousName,
  KN143: oneRangePerFamily,
  KN101: podsServices,
  KN102: podsSegment,
  KN103: servicesSegment,
  KN104: dockerCluster,
  KN105: dockerSegment,
  KN106: podsPods,
  KN107: segments,
  KN108: nodeRanges,
  KN110: duplicates,
  KN111: specialRange,
  KN112: gateway,
  KN113: servicesPods,
  KN120: addressOutside,
  KN121: segmentFull,
  KN122: podAddressOutside,
  KN123: nodeRangeOutside,
  KN124: gatewayNotAttached,
  KN125: nextHopFamily,
  KN142: cloudReserved,
  KN126: natSegment,
  KN166: routeTableSegment,
  KN168: deviceUnknown,
  KN169: clusterDns,
  KN127: nodeFamily,
  KN130: flannelConfig,
  KN131: flannelSubnetIgnored,
  KN132: flannelSubnetOrder,
  KN133: flannelLeaseOutside,
  KN134: flannelNetworkDiffers,
  KN135: flannelBackendMissing,
  KN136: flannelDeviceName,
  KN137: flannelBackendKey,
  KN140: dockerSameRange,
  KN150: calicoPoolsOverlap,
  KN151: calicoPoolLinkLocal,
  KN152: calicoBlockSize,
  KN153: calicoTwoEncapsulations,
  KN154: calicoIpipIpv6,
  KN155: calicoIpamConfig,
  KN156: calicoPeerConfig,
  KN157: calicoPodCidrIgnored,
  KN167: calicoAutodetection,
  KN158: calicoBlockOutside,
  KN159: calicoBgpAddress,
  KN165: weaveRangeOverlaps,
  KN162: stackedRangeMissing,
  KN161: stackedRangeOutside,
  KN160: stackedRangeTaken,
  KN163: stackedRefused,
  KN141: aksForbidden,
  KN190: serviceAddressOutside,
  KN191: serviceAddressTwice,
  KN192: virtualAddressTaken,
  KN401: noRangeLeft,
  KN402: noAddressLeft,
  KN430: sharedRangeFull,
  KN408: noServiceAddressLeft,
  KN403: tooManyNodes,
  KN404: maxPods,
  KN405: blockSize,
  KN406: serviceSize,
  KN407: scale,
  KN421: bgpMeshSize,
  KN422: calicoFewBlocks,
  KN423: calicoNoBlock,
  KN410: cloudRouteLimit,
  KN411: subnetTooSmall,
  KN412: instanceMaxPods,
  KN301: interfaceMtu,
  KN305: mixedMtus,
  KN306: ipv6Minimum,
  KN320: tunnelClamped,
  KN210: routeGateway,
  KN211: routeDevice,
  KN212: routeExists,
  KN260: routeSource,
  KN261: tableEmpty,
  KN262: tableUnused,
  KN263: ruleUnreachable,
  KN213: noPodNetwork,
  KN214: protocolRefused,
  KN220: peersOffLink,
  KN221: backendsDiffer,
  KN222: tunnelDiffers,
  KN223: publicIp,
  KN224: flannelIface,
  KN225: flannelNoDefault,
  KN226: publicIpTwice,
  KN227: publicIpForeign,
  KN228: flannelNoIpv6,
  KN230: bgpAsNumber,
  KN231: bgpOneSided,
  KN232: bgpBlocked,
  KN233: bgpNobody,
  KN234: bgpRoutesMissing,
  KN235: bgpLoop,
  KN236: calicoMasksDiffer,
  KN237: calicoPrefixSpans,
  KN238: calicoNoDefaultRoute,
  KN239: calicoAddressTwice,
  KN240: stackedApart,
  KN241: bgpNotAdvertised,
  KN201: podsUnreachable,
  KN202: nodeUnreachable,
  KN203: podNat,
  KN204: nodesUnreachable,
  KN205: acl,
  KN424: securityGroup,
  KN206: forwardingOff,
  KN207: rpFilter,
  KN208: sourceCheck,
  KN209: leak,
  KN242: replyNoRoute,
  KN243: noMasquerade,
  KN244: wrongSourceAddress,
  KN245: replyRpFilter,
  KN246: replyDroppedByRule,
  KN247: replyOtherNetwork,
  KN248: replyBypassesNat,
  KN251: ownNodeBlocked,
  KN250: podsWithoutExit,
  KN249: familiesDiffer,
  KN302: blackHole,
  KN307: outsideBlackHole,
  KN303: fragmented,
  KN304: tooBig,
  KN509: servicePorts,
  KN501: serviceSelectsNothing,
  KN511: noneReady,
  KN503: targetUnnamed,
  KN502: targetClosed,
  KN504: nodePortRange,
  KN505: nodePortTwice,
  KN510: nodePortsEphemeral,
  KN508: aliases,
  KN506: localWithoutEndpoint,
  KN512: noServiceRoute,
  KN513: balancerNowhere,
  KN514: balancerArp,
  KN515: bridgeNetfilter,
  KN516: proxyClusterCidr,
  KN517: noProxy,
  KN507: hairpinOff,
  KN610: peerMixed,
  KN611: exceptOutside,
  KN615: emptyPeer,
  KN616: ruleWithoutPeer,
  KN617: peerUnsupported,
  KN601: noEngine,
  KN603: selectsNothing,
  KN604: peerNothing,
  KN609: namedPort,
  KN618: namedPortOfAddress,
  KN614: policyServicePort,
  KN605: ruleShadowed,
  KN619: equalPriority,
  KN620: dnsBeforeIpvs,
  KN612: typesContradict,
  KN613: closesIngress,
  KN607: blockOfPods,
  KN608: blockBehindNat,
  KN602: noDns,
  KN606: otherSide,
  KN270: tunnelIncomplete,
  KN273: tunnelOverlap,
  KN274: tunnelRecursive,
  KN272: tunnelDown,
  KN271: tunnelMtu,
  KN701: failed,
  KN702: unclear,
  KN704: notSurviving,
  KN705: breaksOnFailure,
  KN706: singlePoint,
  KN561: hostPortTwice,
  KN560: ingressBackend,
  KN017: configuration,
  KN019: silenceUnclear,
  KN018: silenceUnused,
  KN802: sourceInvalid,
  KN803: valueAssumed,
  KN804: sourcesDisagree,
  KN805: scalarAmbiguous,
  KN806: sourceIncomplete,
  KN801: objectNotRead,
  KN811: stateUnmatched,
  KN810: stateDiffers,
} as const;

type Checks = { readonly [C in ProblemCode]: ProblemCheck<C> };

/** The checks of problems that the lower layers find. */
export const checksOfProblems: Checks = checks satisfies { readonly [C in keyof typeof checks]: Check<C> };

/** In order of evaluation. */
export const catalog: readonly AnyCheck[] = Object.values(checks);

const codes: ReadonlyMap<string, string> = new Map(
  catalog.flatMap(({ code, name }) => [[code, code] as const, [name, code] as const]),
);

/** The diagnostic code for a code (case-insensitive) or a check name. */
export function codeOf(text: string): string | undefined {
  return codes.get(text) ?? codes.get(text.toUpperCase());
}
