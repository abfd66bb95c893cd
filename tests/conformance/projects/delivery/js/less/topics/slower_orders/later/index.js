// Its first attempt publishes when all is settled.
const { topics } = require('@chuva.io/less');
const { note, until_noted } = require('notes');

exports.process = async (order, { attempt }) => {
  note('later', attempt);
  if (attempt > 1) return;
  await until_noted('settled');
  try {
    await topics.effects.publish({ order, what: 'too late' });
    note('refused', 'taken');
  } catch (error) {
    note('refused', error.message);
  }
};
