const { text } = require('models');
const { note } = require('notes');

exports.process = async () => note('text', text);
