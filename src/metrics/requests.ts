/**
 * Metrics of messages and batch items: counts by operation, result reason and protocol version, latency, batch size.
 *
 * Only what has happened is listed: the whole table has ten thousands of combinations.
 */
import type { Registry } from 'prom-client';
import { versionText } from '../kmip/version.ts';
import { batchBounds, histogramCells, latencyBounds, layout, operationLabels, reasonLabels, versionsByIndex } from './layout.ts';
import { cellCounter, hasObservations, sharedCounter, sharedHistogram, sumOf } from './shared.ts';
import type { Reading, Slabs } from './shared.ts';

export function registerRequests(registry: Registry, slabs: Slabs): void {
  sharedCounter(registry, { name: 'kmipd_requests_total', help: 'Batch items answered, by operation, result reason and protocol version.', labelNames: ['operation', 'reason', 'version'] }, () => {
    const readings: Reading[] = [];
    operationLabels.forEach((operation, operationIndex) => {
      reasonLabels.forEach((reason, reasonIndex) => {
        versionsByIndex.forEach((version, versionIndex) => {
          const value = sumOf(slabs, layout.requests + (operationIndex * reasonLabels.length + reasonIndex) * versionsByIndex.length + versionIndex);
          if (value > 0) readings.push({ labels: { operation, reason, version: version === 0 ? 'unknown' : versionText(version) }, value });
        });
      });
    });
    return readings;
  });
  sharedHistogram(registry, { name: 'kmipd_request_duration_seconds', help: "From a message's last byte to its answer handed to the connection; Batch where a message mixes operations.", labelNames: ['operation'] }, latencyBounds, slabs, () =>
    operationLabels
      .map((operation, index) => ({ labels: { operation }, offset: layout.latency + index * histogramCells(latencyBounds) }))
      .filter(({ offset }) => hasObservations(slabs, offset, latencyBounds)));
  sharedHistogram(registry, { name: 'kmipd_batch_items', help: 'Batch items a message.' }, batchBounds, slabs, () => [{ labels: {}, offset: layout.batch }]);
  cellCounter(registry, slabs, layout.malformed, 'kmipd_malformed_messages_total', 'Messages answered without executing any batch item.');
  cellCounter(registry, slabs, layout.forwarded, 'kmipd_forwarded_messages_total', 'Messages that workers handed to the writing thread.');
}
