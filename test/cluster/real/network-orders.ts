/** What the harness and its network process say to each other, and how the balancer judges a server (as in deploy/haproxy.cfg). */

/** `drop`: connections are closed and refused. `hole`: they stand and nothing passes. */
export type Cut = 'drop' | 'hole';

export interface BalancedServer {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
}

export type Order =
  | { readonly kind: 'link'; readonly name: string; readonly port: number; readonly target: number }
  | { readonly kind: 'balancer'; readonly port: number; readonly servers: readonly BalancedServer[] }
  | { readonly kind: 'cut'; readonly names: readonly string[]; readonly how: Cut }
  | { readonly kind: 'heal'; readonly names: readonly string[] };

export interface Report {
  readonly order: string;
  readonly port: number;
  readonly error?: string;
}

/** The same figures as in deploy/haproxy.cfg: inter, timeout check, fall. */
export const healthCheck = { everyMs: 500, timeoutMs: 1000, fall: 2 } as const;
