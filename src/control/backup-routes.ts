/**
 * GET /v1/backup: all state as one stream of bytes (storage/replica-content.ts), sealed as it is on the disk.
 *
 * Invariants: the picture is taken before the first byte leaves, and let go however the answer ends; an answer that could not be
 * given to its end breaks the connection, so that nobody takes half a backup for a whole one.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';

/** A picture of the state, held until it is closed. */
export interface HeldPicture {
  readonly sequence: number;
  content(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface BackupRoutePorts {
  /** Everything acknowledged before the call is in it. Rejects with E_NOT_READY where this node cannot know what was. */
  backup(): Promise<HeldPicture>;
  readonly log: Log;
}

/** LevelDB keeps all that a picture shows, so one at a time. */
const backupsMax = 1;

export function backupRoutes(commands: FastifyInstance, { backup, log }: BackupRoutePorts): void {
  let underWay = 0;
  commands.get('/backup', async (_request, reply) => {
    if (underWay >= backupsMax) throw new Fault('E_BACKUP_UNDER_WAY', 'Another backup of this node is under way.', { retryable: true });
    underWay += 1;
    let picture: HeldPicture;
    try {
      picture = await backup();
    } catch (error) {
      underWay -= 1;
      throw error;
    }
    const { sequence } = picture;
    const stream = Readable.from(picture.content(), { objectMode: false });
    let failure: Error | undefined;
    stream.once('error', (error) => (failure = error));
    stream.once('close', () => {
      underWay -= 1;
      void picture.close().catch((error: unknown) => log.warn({ error }, 'The picture of a backup could not be let go.'));
      if (failure === undefined && stream.readableEnded) log.info({ sequence }, 'A backup was given out.');
      else log.warn({ sequence, error: failure }, 'A backup was not taken to its end.');
    });
    return reply.header('cache-control', 'no-store').type('application/octet-stream').send(stream);
  });
}
