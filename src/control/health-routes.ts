/**
 * /livez, /readyz and /metrics: for load balancers and scrapers, without a token.
 *
 * Invariant: 200 or 503 with one line a reason, of the server's own words; never a name of a scope, role or key. Liveness fails
 * only where a restart would help; readiness where the balancer should send clients elsewhere.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface Health {
  readonly ok: boolean;
  /** One line each: what is not well. */
  readonly reasons: readonly string[];
}

export interface HealthPorts {
  liveness(): Health;
  readiness(): Health;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function healthRoutes(server: FastifyInstance, ports: HealthPorts): void {
  server.get('/livez', (_request, reply) => answer(reply, ports.liveness()));
  server.get('/readyz', (_request, reply) => answer(reply, ports.readiness()));
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await ports.metrics();
    return reply.header('cache-control', 'no-store').type(contentType).send(text);
  });
}

function answer(reply: FastifyReply, health: Health): FastifyReply {
  const text = health.ok ? 'ok\n' : `${health.reasons.join('\n')}\n`;
  return reply.code(health.ok ? 200 : 503).header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(text);
}
