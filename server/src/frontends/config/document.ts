/** Terraform plans and states, and the output of the clouds' command lines, as documents: one network of all files. */
import { declare } from "../../declared/build.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { plainDocument } from "../../declared/plain.ts";
import { backwards, editedText } from "../../text/edit.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { ManifestDocuments, TextFile } from "../kubernetes/document.ts";
import { placeOf, spanOfPlace } from "../kubernetes/object.ts";
import { assumed, notRead } from "../kubernetes/problems.ts";
import { awsModel } from "./aws.ts";
import { azureModel } from "./azure.ts";
import { cloudDrafts } from "./drafts.ts";
import { gcpModel } from "./gcp.ts";
import { impliedNetworks } from "./implied.ts";
import type { CloudModel } from "./model.ts";
import { type Resources, resourcesOf } from "./resources.ts";
import { readResources } from "./source.ts";
import { unreadTypes } from "./unread.ts";

export { isNetworkSource } from "./source.ts";

/** `source`: identifies the input as a whole. */
export function networkDocuments(source: string, files: readonly TextFile[]): ManifestDocuments {
  const { decls, problems, objects, unread } = readNetworks(files);
  const others = files.filter(({ file }) => file !== source);
  const whole = networkDocument(source, files.find(({ file }) => file === source)?.text ?? "", decls, problems);
  return {
    documents: [whole, ...others.map(({ file, text }) => networkDocument(file, text))],
    problems,
    objects,
    unread,
  };
}

export interface Networks {
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
  /** The number of resources, and of the ones that are not modeled. */
  readonly objects: number;
  readonly unread: number;
}

/** The networks of all files as one topology. */
export function readNetworks(files: readonly TextFile[]): Networks {
  const read = files.map((file) => ({ ...file, ...readResources(file) }));
  const resources = read.flatMap((one) => one.resources);
  const implied = impliedNetworks(resources);
  const all = resourcesOf([...resources, ...implied.networks]);
  const model = joined([awsModel(all), azureModel(all), gcpModel(all)]);
  const { drafts, problems: dropped } = cloudDrafts(model);
  const kinds = unreadTypes(resources, new Set(model.read));
  const problems = [
    ...read.flatMap((one) => one.problems),
    ...implied.problems,
    ...model.problems,
    ...dropped,
    ...guessed(all),
    ...kinds.map(({ first, count }) => notRead(first.object, count)),
  ];
  const decls = drafts.map((draft) => declare(draft));
  return {
    decls,
    problems,
    objects: resources.length,
    unread: kinds.reduce((sum, { count }) => sum + count, 0),
  };
}

/** The networks of all providers. */
function joined(models: readonly CloudModel[]): CloudModel {
  return {
    nets: models.flatMap(({ nets }) => nets),
    subnets: models.flatMap(({ subnets }) => subnets),
    nats: models.flatMap(({ nats }) => nats),
    peerings: models.flatMap(({ peerings }) => peerings),
    transits: models.flatMap(({ transits }) => transits),
    machines: models.flatMap(({ machines }) => machines),
    clusters: models.flatMap(({ clusters }) => clusters),
    vpns: models.flatMap(({ vpns }) => vpns),
    read: models.flatMap(({ read }) => read),
    problems: models.flatMap(({ problems }) => problems),
  };
}

/** Links through local values, which a plan does not show. */
function guessed({ guesses }: Resources): readonly FileProblem[] {
  return [...guesses].map(([{ object }, users]) => {
    const count = new Set(users).size;
    return assumed(
      object,
      t`${plural(count, "resource")} with a reference that the plan does not show: ${object.name} is used, the only one of its type`,
    );
  });
}

function networkDocument(
  file: string,
  text: string,
  decls: readonly Decl[] = [],
  problems: readonly FileProblem[] = [],
): Document {
  return {
    ...plainDocument(file, text),
    language: "network",
    decls,
    problems: () => problems,
    spanOf: ({ decl, part }) => {
      const place = placeOf(decl.handle);
      return place && spanOfPlace(place, part);
    },
    edited: (edits) => {
      const changed = backwards(edits).reduce(editedText, text);
      return networkDocuments(file, [{ file, text: changed }]).documents[0];
    },
  };
}
