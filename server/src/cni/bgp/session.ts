/** Sessions between classes of speakers. */
import type { SpeakerClass } from "./classes.ts";

/** One direction of a session: `to` receives routes from `from`. */
export interface Session {
  readonly from: SpeakerClass;
  readonly to: SpeakerClass;
  readonly ebgp: boolean;
  /** Option of the sender. */
  readonly asOverride: boolean;
  /** The receiver is the sender's client. */
  readonly toClient: boolean;
  /** The sender is the receiver's client. */
  readonly fromClient: boolean;
  /** Option of the receiver. */
  readonly allowAsIn: number;
  /** The sender advertises all its routes, not only the best one. */
  readonly addPaths: boolean;
  /** Segment of an eBGP session that is single-hop for the sender, and for the receiver. */
  readonly sentOn: string | undefined;
  readonly heardOn: string | undefined;
}
