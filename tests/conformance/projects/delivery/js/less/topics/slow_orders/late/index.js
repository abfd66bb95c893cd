// Its first attempt publishes when its time is over, and the second is still to come.
const { topics } = require('@chuva.io/less');
const { note, sleep } = require('notes');

exports.process = async (order, { attempt }) => {
  if (attempt === 1) await sleep(2000);
  try {
    const { id } = await topics.effects.publish({ order, what: 'late' });
    note('late', { id, attempt });
  } catch (error) {
    note('late', { error: error.message, attempt });
  }
};
