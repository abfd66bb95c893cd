const { note } = require('notes');

exports.process = async (message, { attempt }) => {
  note('stuck', attempt);
  await new Promise(() => {});
};
