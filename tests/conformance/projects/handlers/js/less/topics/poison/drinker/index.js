const { mischief } = require('mischief');
const { note, pid } = require('notes');

exports.process = async (kind, { attempt }) => {
  note('drunk', { attempt, pid });
  await mischief[kind]();
};
