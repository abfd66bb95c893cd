const { note } = require('notes');

exports.process = async (spelling) => note('hyphen', spelling);
