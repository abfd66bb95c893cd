const { note } = require('notes');

exports.process = async (file) => note('uploaded', file);
