// Publishes, then waits: meanwhile everything crashes.
const { topics } = require('@chuva.io/less');
const { note, until_noted } = require('notes');

exports.process = async (order, { attempt }) => {
  const { id } = await topics.effects.publish({ order, what: 'before the crash' });
  note('interrupted', { id, attempt });
  await until_noted('go');
};
