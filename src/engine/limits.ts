/**
 * The engine's limits: each with a name, a default and a reason. Message size, connections and rates are the server
 * room's; nesting and the number of items in a message the codec's.
 */
export interface EngineLimits {
  /** Batch Items of one request. */
  readonly batchItemsMax: number;
  /** Bytes of one response, whatever Maximum Response Size a client names. */
  readonly responseBytesMax: number;
  /** Objects that the Locates of a message on the writing thread look at, all together. */
  readonly writerLooksMax: number;
}

export const defaultEngineLimits: EngineLimits = {
  // A batch is planned without a pause: this and `writerLooksMax` bound how long one client keeps the writing thread to itself.
  batchItemsMax: 1000,
  // Data of a whole batch and a page of Locate fit; a client that asks for more gets Response Too Large.
  responseBytesMax: 16 * 1024 * 1024,
  // A look takes 10 to 40 microseconds, and every client of the node waits meanwhile. Without it one Create beside 999 Locates held up all for minutes.
  writerLooksMax: 20_000,
};
