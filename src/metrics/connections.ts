/**
 * Metrics of connections: bytes, open and total connections, handshakes, resumptions, failures and ends by cause.
 */
import type { Registry } from 'prom-client';
import { closeCauses, handshakeFailures, handshakeProtocols, layout } from './layout.ts';
import { cellCounter, cellGauge, rowCounter } from './shared.ts';
import type { Slabs } from './shared.ts';

export function registerConnections(registry: Registry, slabs: Slabs): void {
  cellCounter(registry, slabs, layout.bytesIn, 'kmipd_received_bytes_total', 'KMIP bytes received, without TLS framing.');
  cellCounter(registry, slabs, layout.bytesOut, 'kmipd_sent_bytes_total', 'KMIP bytes sent, without TLS framing.');
  cellGauge(registry, slabs, layout.connectionsOpen, 'kmipd_connections_open', 'Connections that passed the handshake and are open.');
  cellCounter(registry, slabs, layout.connectionsTotal, 'kmipd_connections_total', 'Connections that passed the handshake.');
  cellGauge(registry, slabs, layout.inFlightBytes, 'kmipd_in_flight_bytes', 'Bytes of requests that are read and not answered, and of answers that are not sent.');
  rowCounter(registry, slabs, layout.handshakes, 'protocol', handshakeProtocols, 'kmipd_handshakes_total', 'TLS handshakes that succeeded, resumptions included.');
  rowCounter(registry, slabs, layout.resumptions, 'protocol', handshakeProtocols, 'kmipd_resumptions_total', 'TLS handshakes that resumed a session.');
  rowCounter(registry, slabs, layout.handshakeFailures, 'reason', handshakeFailures, 'kmipd_handshake_failures_total', 'Connections refused or lost during the handshake.');
  rowCounter(registry, slabs, layout.closes, 'cause', closeCauses, 'kmipd_connections_closed_total', 'Connections ended, by cause.');
}
