/** The server's own figures, read from /metrics as an operator would. */
import assert from 'node:assert/strict';
import type { RunningServer } from '../harness/server.ts';

/** The value of a metric without labels. */
export async function metric(server: RunningServer, name: string): Promise<number> {
  const answer = await server.admin('GET', '/metrics', undefined, false);
  assert.equal(answer.status, 200);
  const line = answer.body.split('\n').find((each) => each.startsWith(`${name} `));
  assert.ok(line !== undefined, `/metrics has no ${name}`);
  return Number(line.split(' ')[1]);
}

export function residentBytes(server: RunningServer): Promise<number> {
  return metric(server, 'process_resident_memory_bytes');
}
