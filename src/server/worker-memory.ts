/**
 * How V8 is told to collect a worker's garbage.
 *
 * What a message leaves behind is mostly buffers outside the heap, each hanging on a small object in it. V8 counts these bytes towards the limit
 * at which it marks the old generation, and frees them with the young one, which fills up by objects only. So messages of some kilobytes made
 * it mark the whole heap every few megabytes of traffic (docs/decisions/0027).
 */
import type { ResourceLimits } from 'node:worker_threads';
import { setFlagsFromString } from 'node:v8';

/** Two half spaces and as much for large objects, 2 MiB each: a third of V8's own choice is enough for what is under way. */
const youngGenerationMb = 6;
/** Marking begins when as much is in use, and not at twice what the worker's code and caches take. */
const oldGenerationAtLeastMb = 96;

/** For the workers that are started after this. */
export function workerMemory(): ResourceLimits {
  setFlagsFromString(`--initial-old-space-size=${oldGenerationAtLeastMb}`);
  return { maxYoungGenerationSizeMb: youngGenerationMb };
}
