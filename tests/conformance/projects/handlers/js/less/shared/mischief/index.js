// All that a handler should not do.
const { note, sleep } = require('notes');

exports.mischief = {
  throws: () => {
    throw new Error('on purpose');
  },
  never_returns: () => new Promise(() => {}),
  blocks: async () => {
    await sleep(50);
    note('blocking', true);
    for (;;);
  },
  exits: () => process.exit(1),
  crashes: () => {
    process.kill(process.pid, 'SIGSEGV');
    return new Promise(() => {});
  },
  eats: async () => {
    for (const kept = []; ; await sleep(1)) kept.push(Buffer.alloc(16 << 20, 1));
  },
};
