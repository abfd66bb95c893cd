// A neighbour of the bad ones.
const { note, pid, until_noted } = require('notes');

exports.process = async (n, { attempt }) => {
  note('errands', { n, pid, attempt });
  await until_noted('release');
  note('done', { n, pid, attempt });
};
