const { note } = require('notes');

exports.process = async (message, { message_id }) => note('heard', { by: 'one', message, id: message_id });
