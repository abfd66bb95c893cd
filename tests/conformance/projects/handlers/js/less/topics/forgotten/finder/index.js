const { note } = require('notes');

exports.process = async (n) => note('forgotten', n);
