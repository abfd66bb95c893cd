// A function publishes for it.
const { functions } = require('@chuva.io/less');

exports.process = async (order, { attempt }) => {
  await functions.announce({ order, what: 'announced' });
  if (attempt === 1) throw new Error('not yet');
};
