// A neighbour of the bad ones.
const { note, pid, until_noted } = require('notes');

exports.process = async ({ params }) => {
  note('requests', { n: Number(params.n), pid });
  await until_noted('release');
  return { body: { pid } };
};
