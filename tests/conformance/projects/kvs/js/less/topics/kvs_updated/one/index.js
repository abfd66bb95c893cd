const { note } = require('notes');

exports.process = async (change) => note('changes', { updated: change });
