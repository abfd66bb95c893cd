const { note } = require('notes');

exports.process = async (message, { attempt }) => {
  note('failing', attempt);
  throw new Error('as ever');
};
