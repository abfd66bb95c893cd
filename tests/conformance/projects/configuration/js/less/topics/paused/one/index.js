const { note } = require('notes');

exports.process = async (message) => note('unpaused', message);
