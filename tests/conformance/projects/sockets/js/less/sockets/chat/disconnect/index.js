const { note, noted } = require('notes');

exports.process = async (client, { attempt }) => {
  note('disconnect', client);
  if (noted('failing')) throw new Error(`no database at attempt ${attempt}`);
};
