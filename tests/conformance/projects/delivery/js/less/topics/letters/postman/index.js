// One letter of a key at a time.
const { note, sleep } = require('notes');

exports.process = async ({ key, n, fails }, { attempt }) => {
  note('letters', { key, n, what: 'begun', attempt });
  await sleep(10);
  if (fails && attempt === 1) throw new Error('nobody at home');
  note('letters', { key, n, what: 'ended', attempt });
};
