const { note } = require('notes');

exports.process = async (message, context) => note('observed', { message, context, now: Date.now() });
