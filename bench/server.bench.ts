/**
 * Encrypt over mutual TLS against a bare TLS echo server that reads and writes the same number of bytes on the same Node.
 *
 * Decides: how much of a request is TLS, which no server on Node can save, and how much is ours. One serving thread each,
 * eight connections, one request on its way on each; rounds alternate between the two, medians are quoted.
 */
import { KmipClient } from '../src/client/client.ts';
import { writeRequest } from '../src/codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType } from '../src/kmip/enums.ts';
import { encrypt } from '../src/operations/encrypt.ts';
import { closedLoop } from './closed-loop.ts';
import type { LoopResult } from './closed-loop.ts';
import { startEcho, startKmipd } from './peers.ts';
import type { Peer } from './peers.ts';
import { quantile, round } from './report.ts';
import type { BenchReport, Row } from './report.ts';

const connections = 8;

async function makeKey(node: Peer): Promise<{ client: KmipClient; uniqueIdentifier: string }> {
  const client = new KmipClient({ host: '127.0.0.1', port: node.port, certificate: node.certificate.toString(), privateKey: node.privateKey.toString(), authority: node.authority.toString() });
  const { uniqueIdentifier } = await client.create({
    objectType: ObjectType.SymmetricKey,
    attributes: [
      { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
      { name: 'CryptographicLength', value: 256 },
      { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
    ],
  });
  await client.activate({ uniqueIdentifier });
  return { client, uniqueIdentifier };
}

function controlFrame(answerBytes: number): Buffer {
  const frame = Buffer.alloc(16);
  frame.writeUInt32BE(0x54000001, 0);
  frame.writeUInt32BE(8, 4);
  frame.writeUInt32BE(answerBytes, 8);
  return frame;
}

const medianOf = (results: readonly LoopResult[], pick: (result: LoopResult) => number): number => quantile(results.map(pick).sort((left, right) => left - right), 0.5);

export async function serverBench(smoke: boolean): Promise<BenchReport> {
  const node = await startKmipd(1);
  const echo = await startEcho();
  const rows: Row[] = [];
  try {
    const { client, uniqueIdentifier } = await makeKey(node);
    const time = smoke ? { milliseconds: 300, warmupMilliseconds: 200 } : { milliseconds: 2000, warmupMilliseconds: 1000 };
    for (const size of smoke ? [256] : [16, 256, 1024, 16384]) {
      const request = Buffer.from(
        writeRequest(21, {}, [
          {
            operation: encrypt.code,
            payload: { type: encrypt.request, value: { uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16, randomIV: true }, data: new Uint8Array(size).fill(0x61) } },
          },
        ]),
      );
      const answerBytes = (await client.sendRaw(request)).length;
      const results: { node: LoopResult[]; echo: LoopResult[] } = { node: [], echo: [] };
      for (let turn = 0; turn < (smoke ? 1 : 5); turn++) {
        results.echo.push(await closedLoop(echo, request, { connections, ...time, first: controlFrame(answerBytes) }));
        results.node.push(await closedLoop(node, request, { connections, ...time }));
      }
      const cpu = (which: readonly LoopResult[]): number => medianOf(which, (result) => result.cpuMicrosecondsPerRequest);
      rows.push({
        'payload bytes': size,
        'request bytes': request.length,
        'answer bytes': answerBytes,
        'kmipd req/s': Math.round(medianOf(results.node, (result) => result.requestsPerSecond)),
        'echo req/s': Math.round(medianOf(results.echo, (result) => result.requestsPerSecond)),
        'kmipd p50 µs': Math.round(medianOf(results.node, (result) => result.p50Microseconds)),
        'kmipd p99 µs': Math.round(medianOf(results.node, (result) => result.p99Microseconds)),
        'kmipd CPU µs': round(cpu(results.node), 1),
        'echo CPU µs': round(cpu(results.echo), 1),
        'CPU ratio': round(cpu(results.node) / cpu(results.echo)),
      });
    }
    client.destroyConnection();
  } finally {
    await Promise.all([node.stop(), echo.stop()]);
  }
  return {
    name: 'server',
    question: `what a request costs beside bare TLS (Encrypt, AES-256-GCM, server-made nonce, ${connections} connections, one serving thread)`,
    rows,
    notes: ['CPU µs: user and system time of the whole server process per request', 'client and server share the machine, so requests a second understate what a server alone reaches'],
  };
}
