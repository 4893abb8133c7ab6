/**
 * What workers count in shared memory comes out as Prometheus text: sums over workers, cumulative buckets, no idle rows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Operation, ResultReason } from '../../src/kmip/enums.ts';
import { slabLength } from '../../src/metrics/layout.ts';
import { Recorder } from '../../src/metrics/recorder.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import type { NodeMetrics } from '../../src/metrics/registry.ts';
import { limitNames } from '../../src/server/limits.ts';

function metricsOf(workers: number): { metrics: NodeMetrics; recorders: Recorder[] } {
  const metrics = createMetrics({ workers, limitNames, serverVersion: '1.2.3', coreBuild: 'strict', writing: { queued: () => 4, sequence: () => 99 }, utilization: () => [0.25, 0.5] });
  return { metrics, recorders: metrics.slabs.map((slab) => new Recorder(slab)) };
}

/** Sample lines of one metric, without those of its help. */
function lines(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));
}

const get = { operation: Operation.Get, reason: 0 };

test('requests are summed over workers by operation, reason and version', async () => {
  const { metrics, recorders } = metricsOf(2);
  recorders[0]!.request([get], 14, 0.0001);
  recorders[1]!.request([get, { operation: Operation.Encrypt, reason: ResultReason.ItemNotFound }], 14, 0.001);
  recorders[1]!.request([get], 21, 0.0001);
  recorders[1]!.request([{ operation: 12345, reason: 54321 }], 33, 0.0001);
  recorders[1]!.request([], 0, 0.0001);
  const text = await metrics.text();
  assert.deepEqual(lines(text, 'kmipd_requests_total').sort(), [
    'kmipd_requests_total{operation="Encrypt",reason="ItemNotFound",version="1.4"} 1',
    'kmipd_requests_total{operation="Get",reason="Success",version="1.4"} 2',
    'kmipd_requests_total{operation="Get",reason="Success",version="2.1"} 1',
    'kmipd_requests_total{operation="Unknown",reason="Unknown",version="unknown"} 1',
  ]);
  assert.deepEqual(lines(text, 'kmipd_malformed_messages_total'), ['kmipd_malformed_messages_total 1']);
  assert.deepEqual(lines(text, 'kmipd_request_duration_seconds_count').sort(), [
    'kmipd_request_duration_seconds_count{operation="Batch"} 1',
    'kmipd_request_duration_seconds_count{operation="Get"} 2',
    'kmipd_request_duration_seconds_count{operation="Unknown"} 2',
  ]);
});

test('latency buckets begin at 50 microseconds, are cumulative, and agree with sum and count', async () => {
  const { metrics, recorders } = metricsOf(1);
  for (const seconds of [0.00005, 0.00006, 0.0001, 0.00011, 5, 60]) recorders[0]!.request([get], 14, seconds);
  const text = await metrics.text();
  const bucket = (bound: string): number => Number(new RegExp(`kmipd_request_duration_seconds_bucket\\{operation="Get",le="${bound.replace('+', '\\+')}"\\} (\\d+)`).exec(text)?.[1]);
  assert.deepEqual(['0.00005', '0.0001', '0.0002', '3.2768', '6.5536', '+Inf'].map((bound) => bucket(bound)), [1, 3, 4, 4, 5, 6]);
  assert.ok(Math.abs(Number(/kmipd_request_duration_seconds_sum\{operation="Get"\} ([\d.]+)/.exec(text)![1]) - 65.00032) < 1e-9);
});

test('connections, handshakes, limits and caches come out under their names', async () => {
  const { metrics, recorders } = metricsOf(2);
  recorders[0]!.connectionOpened();
  recorders[1]!.connectionOpened();
  recorders[1]!.connectionClosed('idle');
  recorders[0]!.handshake('TLSv1.3', true);
  recorders[0]!.handshakeFailed('no-certificate');
  recorders[0]!.limitReached(limitNames.indexOf('idleMs'));
  recorders[0]!.cacheMiss(1);
  recorders[1]!.cacheMiss(2);
  recorders[1]!.bytesIn(100);
  const text = await metrics.text();
  for (const line of [
    'kmipd_connections_open 1', 'kmipd_connections_total 2', 'kmipd_connections_closed_total{cause="idle"} 1',
    'kmipd_handshakes_total{protocol="TLSv1.3"} 1', 'kmipd_resumptions_total{protocol="TLSv1.3"} 1', 'kmipd_handshake_failures_total{reason="no-certificate"} 1',
    'kmipd_limit_reached_total{limit="idleMs"} 1', 'kmipd_cached_objects 3', 'kmipd_received_bytes_total 100', 'kmipd_writer_queue 4', 'kmipd_store_sequence 99',
    'kmipd_worker_utilization{worker="1"} 0.5',
  ]) assert.ok(text.split('\n').includes(line), line);
  assert.match(text, /kmipd_build_info\{version="1\.2\.3",node="v\d+[^"]*",core="strict"\} 1/);
  assert.match(text, /^process_cpu_seconds_total /m);
});

test('every sample belongs to a family with help and type, and names no family twice', async () => {
  const { metrics, recorders } = metricsOf(1);
  recorders[0]!.request([get], 14, 0.001);
  metrics.writing.planned(0.001);
  metrics.writing.committed(2, 0.01);
  metrics.writing.refused();
  const text = await metrics.text();
  const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]!);
  assert.equal(new Set(families).size, families.length);
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const name = /^[a-z_:A-Z0-9]+/.exec(line)![0];
    assert.ok(families.includes(name) || families.includes(name.replace(/_(bucket|sum|count)$/, '')), line);
    // The event loop's delay is not a number before it was measured once.
    assert.match(line, / (-?[\d.e+-]+|Nan)$/, line);
  }
});

test('two scrapes of the same state are the same', async () => {
  const { metrics, recorders } = metricsOf(1);
  recorders[0]!.request([get], 14, 0.001);
  const own = async (): Promise<string[]> => lines(await metrics.text(), 'kmipd_');
  assert.deepEqual(await own(), await own());
});

test('a slab of another size is refused', () => {
  assert.throws(() => new Recorder(new SharedArrayBuffer(8)), new RegExp(`${slabLength} cells`));
});
