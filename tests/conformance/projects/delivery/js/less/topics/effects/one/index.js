const { note } = require('notes');

exports.process = async (effect) => note('effects', effect);
