// Begins, waits until it is let go, ends.
const { note, until_noted } = require('notes');

const VERSION = 1;

exports.process = async (n, { attempt }) => {
  note('begun', { n, attempt, version: VERSION });
  await until_noted('go');
  note('ended', { n, attempt, version: VERSION });
};
