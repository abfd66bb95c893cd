// Publishes, then fails twice. Two of its events are equal, one is new each time.
const { topics } = require('@chuva.io/less');
const { note } = require('notes');

exports.process = async (order, { attempt }) => {
  const ids = [];
  for (const effect of [{ order, what: 'equal' }, { order, what: 'equal' }, { order, what: 'other' }]) {
    ids.push((await topics.effects.publish(effect)).id);
  }
  await topics.effects.publish({ order, what: 'new', attempt });
  note('repeats', ids);
  if (attempt < 3) throw new Error('not yet');
};
