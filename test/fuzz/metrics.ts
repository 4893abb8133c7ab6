/** The server's own figures, read from /metrics as an operator would. */
import assert from 'node:assert/strict';
import type { RunningServer } from '../harness/server.ts';

/** The value of a metric, named with its labels as /metrics prints them; 0 where it prints none yet. */
export async function metric(server: RunningServer, name: string): Promise<number> {
  const answer = await server.admin('GET', '/metrics', undefined, false);
  assert.equal(answer.status, 200);
  const line = answer.body.split('\n').find((each) => each.startsWith(`${name} `));
  assert.ok(line !== undefined || answer.body.includes(`# TYPE ${name.split('{')[0]} `), `/metrics has no ${name}`);
  if (line === undefined) return 0;
  return Number(line.slice(name.length));
}

export function residentBytes(server: RunningServer): Promise<number> {
  return metric(server, 'process_resident_memory_bytes');
}
