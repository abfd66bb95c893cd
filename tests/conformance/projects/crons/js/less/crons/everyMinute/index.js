// Fails at its first attempt.
const { note } = require('notes');

exports.process = async ({ project, message_id, attempt }) => {
  note('minute', { project, id: message_id, attempt, at: Date.now() });
  if (attempt === 1) throw new Error('not at once');
};
