const { note } = require('notes');

exports.process = async (order) => note('heard', ['one', order]);
