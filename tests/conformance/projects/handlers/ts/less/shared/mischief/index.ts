// All that a handler should not do.
import process from 'node:process';
import { note, sleep } from 'notes';

export const mischief: Record<string, () => unknown> = {
  throws: () => {
    throw new Error('on purpose');
  },
  never_returns: () => new Promise<never>(() => {}),
  blocks: async () => {
    await sleep(50);
    note('blocking', true);
    for (;;);
  },
  exits: () => process.exit(1),
  crashes: () => {
    process.kill(process.pid, 'SIGSEGV');
    return new Promise<never>(() => {});
  },
  eats: async () => {
    for (const kept: Buffer[] = []; ; await sleep(1)) kept.push(Buffer.alloc(16 << 20, 1));
  },
};
