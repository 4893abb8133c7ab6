/** What clients saw: every call with when it began, when its answer came (or never did), and what the answer was. */
import type { CommandResult } from '../sim/state-machine.ts';
import type { Command } from '../sim/state-machine.ts';

export interface Call {
  readonly client: string;
  readonly node: string;
  /** `read` sees one object (encrypt, get, a line of a locate, a part of a stream); a command changes it. */
  readonly kind: 'read' | 'command';
  readonly label: string;
  readonly id: string;
  readonly command: Command | undefined;
  /** Empty for reads, and for what never reached a node. */
  proposal: string;
  readonly invokedAt: number;
  /** Infinite where no answer came: the call may have taken effect at any time since, or never. */
  answeredAt: number;
  result: CommandResult | undefined;
}
