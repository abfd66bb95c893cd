// Two of these wait for each other.
const { note, until_noted } = require('notes');

exports.process = async ({ params, query }) => {
  note(`met_${params.me}`, true);
  await until_noted(`met_${query.other}`);
};
