const { note } = require('notes');

exports.process = async (order) => note('heard', ['three', order]);
