// Takes its time, so that nothing but the store keeps the order.
const { note, sleep } = require('notes');

exports.process = async (change) => {
  await sleep(10 * Math.random());
  note('changes', { updated: change });
};
