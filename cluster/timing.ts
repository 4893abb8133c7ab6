/**
 * Times and limits of the protocol, each with its reason, and the one rule for comparing clocks of two machines.
 *
 * Invariant: every duration is measured on a monotonic clock. Two machines never compare times, only durations, and whoever
 * has to outlast another's duration waits `outlasting(duration)` on its own clock. Assumed: a clock runs at a rate within
 * `clockRateBound` of the true one (crystals: 0.0001; we assume a hundred times worse). DESIGN.md, Timing.
 */

export interface Timing {
  /** How long a primary believes in its tenure, from before it sent the claim or the last renewal. */
  readonly tenureMs: number;
  /** How often it renews: two renewals may get lost within a tenure. */
  readonly renewMs: number;
  /** How long the tenure store keeps a record that nobody renews; longer than `outlasting(tenureMs)` and a few looks. */
  readonly tenureRecordMs: number;
  /** How often a node looks at the tenure record. */
  readonly lookMs: number;
  /** Permit length L, from before the node sent the heartbeat; longer than a failover by a dead primary, so that reads go on. */
  readonly permitMs: number;
  /**
   * Permits that a primary grants while its renewals are not answered, before its tenure ends: the other nodes then read on through a stall
   * of NATS. Not shorter than `permitMs`. The price: a new primary waits so long for a node that is silent as well as the primary before.
   */
  readonly stallPermitMs: number;
  readonly heartbeatMs: number;
  /** A node that has not confirmed an entry after this long gets no further permit, though it is heard: nobody waits for it for ever. */
  readonly laggardMs: number;
  /** How long a new primary waits for the heads of silent nodes before it reads the log for good. */
  readonly headsMs: number;
  /** How often it asks again who has not answered. */
  readonly askMs: number;
  /** An append without an answer for this long is looked up in the log. */
  readonly appendMs: number;
  /** The same where a later append was refused: the one before it is lost, or about to come. */
  readonly refusedMs: number;
  /** How often a node reads on in the log although nothing told it to: pushed entries may get lost. */
  readonly readMs: number;
  /** A forwarder asks again after this long without a result; after longer where nothing is answered at all (forward.ts). */
  readonly resendMs: number;
  /** A forwarder gives up after this long: its client is told that the outcome is not known. Far below `proposalKeptMs`. */
  readonly giveUpMs: number;
  /** How long ids and results of proposals stay in the replicated state, by its age: longer than anyone asks. */
  readonly proposalKeptMs: number;
  /** Bound of the rate error of any clock. */
  readonly clockRateBound: number;
}

export const defaultTiming: Timing = {
  tenureMs: 1100,
  renewMs: 300,
  tenureRecordMs: 1500,
  lookMs: 100,
  permitMs: 2400,
  stallPermitMs: 2400,
  heartbeatMs: 200,
  laggardMs: 500,
  headsMs: 300,
  askMs: 100,
  appendMs: 250,
  refusedMs: 40,
  readMs: 500,
  resendMs: 400,
  giveUpMs: 20_000,
  proposalKeptMs: 60_000,
  clockRateBound: 0.01,
};

/** Reads on nodes other than the primary outlast a NATS server's death and the elections of JetStream after it (5 to 7 s). */
export const stallTiming: Timing = { ...defaultTiming, stallPermitMs: 8000 };

/** The primary's own reads outlast most of that, too; but writes wait longer for a primary or a permit holder that died. */
export const patientTiming: Timing = { ...defaultTiming, tenureMs: 4000, renewMs: 1000, tenureRecordMs: 5000, permitMs: 8000, stallPermitMs: 8000 };

/** The longest permit that a primary may grant. */
export function longestPermit({ permitMs, stallPermitMs }: Timing): number {
  return Math.max(permitMs, stallPermitMs);
}

export interface ClusterLimits {
  /** Appends under way at once: bounds what a deposed primary may leave behind. */
  readonly appendsMax: number;
  /** Proposals in one entry. */
  readonly entryProposalsMax: number;
  /** Bytes of works in one entry, a single longer work excepted: a NATS message holds 1 MiB by default, and an entry is sealed and framed. */
  readonly entryBytesMax: number;
  /** Proposals at the primary that are not answered yet; more are left unanswered, and their forwarders ask again. */
  readonly proposalsWaitingMax: number;
  /** Their bytes: payloads, and what they were planned to. */
  readonly proposalsWaitingBytesMax: number;
  /** Newest entries that a node keeps to put a lost tail back: more than the log can lose (its sync interval). */
  readonly tailEntries: number;
  /** Their bytes; the newest entry is kept in any case. */
  readonly tailBytesMax: number;
  /** Bytes of entries in one `tail` message, a single longer entry excepted: one NATS message. */
  readonly tailMessageBytes: number;
  /** Bytes of entries that are put back into the log at once, a single longer entry excepted. */
  readonly putBackBytes: number;
  /** Bytes of payloads that a forwarder asks again for at one tick, a single longer one excepted. */
  readonly resendBytes: number;
  /** Entries that a node has taken from the log and its disk has not synced; further ones wait in the log. */
  readonly takenEntriesMax: number;
  /** Their bytes, but for the entry that crosses it. */
  readonly takenBytesMax: number;
  /** Results of proposals in memory; the oldest beyond are dropped, and whoever asks for one gives up. */
  readonly resultBytesMax: number;
  /** Entries that one read of the log returns. */
  readonly readEntries: number;
  /** A node further behind gets no permit: everyone's writes would wait for it. */
  readonly permitLagEntries: number;
  /** A snapshot is taken after so many entries, and the log purged up to `tailEntries` before it. */
  readonly snapshotEntries: number;
  /** Or after so many bytes of entries, if that is at least half of the last snapshot: who begins with it has no more than that to replay. */
  readonly snapshotBytes: number;
}

export const defaultLimits: ClusterLimits = {
  appendsMax: 64,
  entryProposalsMax: 64,
  entryBytesMax: 768 << 10,
  proposalsWaitingMax: 4096,
  proposalsWaitingBytesMax: 64 << 20,
  tailEntries: 8192,
  tailBytesMax: 64 << 20,
  tailMessageBytes: 768 << 10,
  putBackBytes: 8 << 20,
  resendBytes: 4 << 20,
  takenEntriesMax: 4096,
  takenBytesMax: 64 << 20,
  resultBytesMax: 64 << 20,
  readEntries: 512,
  permitLagEntries: 2048,
  snapshotEntries: 50_000,
  snapshotBytes: 32 << 20,
};

/**
 * How long to wait on one's own clock so that `duration` has passed on any other: the other may run slow by the bound, one's
 * own fast by the bound.
 */
export function outlasting(duration: number, timing: Pick<Timing, 'clockRateBound'>): number {
  return (duration * (1 + timing.clockRateBound)) / (1 - timing.clockRateBound);
}
