/** The resources of a file: Terraform's JSON, or the output of a cloud's command line. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { isRecord, type Json } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { cliResources } from "./cli-output.ts";
import type { Resource } from "./resource.ts";
import { spanFinder } from "./spans.ts";
import { isTerraform, type SourceText, terraformResources, unknownFormat } from "./terraform.ts";

export interface SourceResources {
  readonly resources: readonly Resource[];
  readonly problems: readonly FileProblem[];
}

/** Whether a text is one that `readResources` reads. */
export function isNetworkSource(text: string): boolean {
  // Cheap tests first: a dump of 100 MB must not be parsed twice.
  if (!/^\s*[[{]/.test(text) || /^\s*\{\s*"(?:apiVersion|items)"/.test(text) || !SIGNS.test(text)) return false;
  const value = parsed(text);
  if (value === undefined) return false;
  return (
    (isRecord(value) && isTerraform(value)) || cliResources({ file: "", find: () => undefined }, value) !== undefined
  );
}

const SIGNS =
  /"(?:planned_values|root_module|terraform_version|Vpcs|Subnets|RouteTables|InternetGateways|EgressOnlyInternetGateways|NatGateways|VpcPeeringConnections|TransitGateways|TransitGatewayVpcAttachments|TransitGatewayRouteTables|SecurityGroups|NetworkInterfaces|NetworkAcls|VpcEndpoints|VpnGateways|VpnConnections|Reservations|resourcesVpcConfig|nodegroupName|servicesIpv4Cidr)"\s*:|"\/subscriptions\/|"compute#/i;

/** Never throws: what cannot be read is a problem. */
export function readResources({ file, text }: { readonly file: string; readonly text: string }): SourceResources {
  const value = parsed(text);
  const source: SourceText = { file, find: spanFinder(text) };
  if (value === undefined) return { resources: [], problems: [] };
  if (!isRecord(value) || !isTerraform(value)) return { resources: cliResources(source, value) ?? [], problems: [] };
  const version = unknownFormat(value);
  if (version === undefined) return { resources: terraformResources(source, value), problems: [] };
  const span = source.find(["format_version"]) ?? { start: 0, end: 0 };
  const error = t`format version ${version} of Terraform is not supported`;
  return { resources: [], problems: [problemInText("KN802", file, span, { error })] };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
