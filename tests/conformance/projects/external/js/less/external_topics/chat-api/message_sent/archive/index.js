// Hears what another project publishes.
const { note, noted } = require('notes');

exports.process = async (message, { attempt }) => {
  note('archived', { message, attempt });
  if (noted('archive_is_full') && attempt === 1) throw new Error('the archive is full');
};
