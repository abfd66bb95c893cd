const { note } = require('notes');

exports.process = async (...given) => note('undeclared', given.length);
